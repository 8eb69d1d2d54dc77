import { type Job, LONGEST_KEY_BYTES } from './define-job.ts';
import { issuesOf, type JobMessage, type Parsed, parseMessage, payloadHash, reject } from './message.ts';

/** A message that is a job of the contract it was read with. */
export interface ParsedJob<Payload> {
  readonly message: JobMessage;
  readonly payload: Payload;
  readonly key: string;
  readonly payloadHash: string;
}

/** Reads an SQS body as a job of `job`'s type. Never throws: the contract's own functions are fenced too. */
export function parseJob<Payload>(job: Job<Payload, unknown>, body: string): Parsed<ParsedJob<Payload>> {
  const message = parseMessage(body);
  if (!message.ok) return message;
  const { type, data } = message.value;
  if (type !== job.type)
    return reject(
      'UNKNOWN_TYPE',
      `The message is of type "${type}", but this queue takes "${job.type}": publish it to the queue of its type.`,
    );
  const payload = validate(job, data);
  if (!payload.ok) return payload;
  const key = keyOf(job, payload.value);
  if (!key.ok) return key;
  return {
    ok: true,
    value: { message: message.value, payload: payload.value, key: key.value, payloadHash: payloadHash(data) },
  };
}

/** Validates a payload against the contract; the same check on publish and on receive. */
export function validate<Payload>(job: Job<Payload, unknown>, data: unknown): Parsed<Payload> {
  try {
    const parsed = job.payload.safeParse(data);
    return parsed.success
      ? { ok: true, value: parsed.data }
      : reject('INVALID_PAYLOAD', `The data is no ${job.type} payload: ${issuesOf(parsed.error)}`);
  } catch (error) {
    return reject('INVALID_PAYLOAD', `The schema of ${job.type} threw on this data: ${textOf(error)}`);
  }
}

export function keyOf<Payload>(job: Job<Payload, unknown>, payload: Payload): Parsed<string> {
  let key: unknown;
  try {
    key = job.key(payload);
  } catch (error) {
    return reject('INVALID_KEY', `The key function of ${job.type} threw: ${textOf(error)}`);
  }
  if (typeof key !== 'string' || key === '')
    return reject(
      'INVALID_KEY',
      `The key function of ${job.type} answered ${JSON.stringify(key)}: a key is a text of 1 to ${LONGEST_KEY_BYTES} bytes.`,
    );
  if (!key.isWellFormed())
    return reject(
      'INVALID_KEY',
      'The key has half of a surrogate pair, which is no character: a record could not be found under it.',
    );
  const bytes = Buffer.byteLength(key);
  if (bytes > LONGEST_KEY_BYTES)
    return reject('INVALID_KEY', `The key has ${bytes} bytes, more than ${LONGEST_KEY_BYTES}.`);
  return { ok: true, value: key };
}

/** Of anything that can be thrown. */
function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : typeof thrown;
}
