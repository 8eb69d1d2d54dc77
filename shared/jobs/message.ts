import { createHash } from 'node:crypto';
import * as z from 'zod';

/** CloudEvents 1.0 in structured JSON, as the SQS body. https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md */
export const SPEC_VERSION = '1.0';

/** Of a job's id, in characters. */
export const LONGEST_ID = 256;

/** CloudEvents' integers have 32 bits. One that is there already is not counted on. */
const MOST_HOPS = 2_147_483_647;

/** What SQS takes as a MessageGroupId. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
export const MESSAGE_GROUP_ID = /^[\x21-\x7E]{1,128}$/;

/**
 * What travels. Extension attributes that we do not know are let pass, as CloudEvents asks; ours are lower case without
 * separators because the specification allows nothing else.
 */
const envelope = z.looseObject({
  specversion: z.literal(SPEC_VERSION),
  /** The job's id, chosen by the publisher. */
  id: z.string().min(1).max(LONGEST_ID),
  /** Who published it, a URI reference. */
  source: z.string().min(1).max(1024),
  type: z.string().min(1).max(256),
  /** When the publisher made it, RFC 3339. */
  time: z.iso.datetime({ offset: true }).optional(),
  datacontenttype: z
    .string()
    .regex(/^application\/([a-z0-9.+-]+\+)?json\b/i, 'must be JSON')
    .optional(),
  /** W3C trace context. */
  traceparent: z.string().max(128).optional(),
  /** Work that has not started by then is not worth doing: no attempt starts at or after it, RFC 3339. */
  expirytime: z.iso.datetime({ offset: true }).optional(),
  /** How often the job has been re-sent by its consumer. Publishers leave it out. */
  hop: z.int().min(0).max(MOST_HOPS).optional(),
  /** The tenant. Also the SQS MessageGroupId, which turns on fair queues, where it fits {@link MESSAGE_GROUP_ID}. */
  partitionkey: z.string().min(1).max(128).optional(),
  data: z.unknown().refine((data) => data !== undefined, 'is missing'),
});

export type JobMessage = z.output<typeof envelope>;

/** What carries a job on: the same message, one hop beyond those that have carried it. @param claimedHop the highest that has claimed the key */
export function oneHopOn(message: JobMessage, claimedHop = 0): JobMessage & { readonly hop: number } {
  return { ...message, hop: Math.min(Math.max(message.hop ?? 0, claimedHop) + 1, MOST_HOPS) };
}

/** A message as the body of an SQS message. SQS refuses two characters that JSON may hold as they are, so they are escaped. */
export function bodyOf(message: JobMessage): string {
  return JSON.stringify(message).replaceAll(/[\uFFFE\uFFFF]/g, (character) =>
    character === '\uFFFE' ? '\\ufffe' : '\\uffff',
  );
}

/** Why a message can never become a job. Its text is made of the message's own parts, never of the payload's values. */
export interface Rejection {
  readonly code: 'NOT_JSON' | 'INVALID_ENVELOPE' | 'UNKNOWN_TYPE' | 'INVALID_PAYLOAD' | 'INVALID_KEY';
  readonly message: string;
}

export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly rejection: Rejection };

/** Deeper than any real payload; without a limit a hostile body overflows the stack of whatever walks it. */
const DEEPEST_NESTING = 64;

/** Reads an SQS body. Never throws, whatever the bytes. */
export function parseMessage(body: string): Parsed<JobMessage> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    // V8 quotes the text around the fault, which may be personal data: the position is enough to find it.
    const position = /position \d+/.exec((error as Error).message)?.[0];
    return reject(
      'NOT_JSON',
      `The body is not JSON${position ? ` (at ${position})` : ''}: send a CloudEvents 1.0 JSON object.`,
    );
  }
  value = withoutUnset(value);
  if (nesting(value) > DEEPEST_NESTING)
    return reject('INVALID_ENVELOPE', `The body is nested deeper than ${DEEPEST_NESTING} levels.`);
  const parsed = envelope.safeParse(value);
  if (!parsed.success)
    return reject('INVALID_ENVELOPE', `Not a CloudEvents 1.0 job message: ${issuesOf(parsed.error)}`);
  return { ok: true, value: parsed.data };
}

/**
 * Null stands for an attribute that is not set; data may well be null.
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md#22-type-system-mapping
 */
function withoutUnset(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([name, member]) => member !== null || name === 'data'),
  );
}

/** Zod's issues as one line: `path: what is wrong; …`. The values stay out, since they may be personal data. */
export function issuesOf(error: z.ZodError): string {
  const shown = error.issues.slice(0, 10).map(({ path, message }) => {
    const where = path.map(String).join('.');
    return where ? `${where}: ${message}` : message;
  });
  const more = error.issues.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}

export function reject(code: Rejection['code'], message: string): { ok: false; rejection: Rejection } {
  return { ok: false, rejection: { code, message } };
}

/** The same for equal JSON values, whatever the order of their members: it tells another payload under the same key. */
export function payloadHash(data: unknown): string {
  return createHash('sha256').update(canonicalJson(data)).digest('base64url');
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
}

function nesting(value: unknown): number {
  let level = 0;
  let current: unknown[] = [value];
  while (current.length > 0 && level <= DEEPEST_NESTING) {
    current = current.flatMap((member) =>
      typeof member === 'object' && member !== null ? Object.values(member) : [],
    );
    level++;
  }
  return level;
}
