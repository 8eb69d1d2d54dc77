import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
import type { AnyJob } from '../shared/jobs/define-job.ts';
import { issuesOf, LONGEST_ID, payloadHash } from '../shared/jobs/message.ts';
import { keyOf, parseJob, validate } from '../shared/jobs/parse-job.ts';
import { JOB_TYPES, jobByType } from '../shared/jobs/registry.ts';
import { UsageError } from './usage-error.ts';

/** Which job a message is: two with the same key are the same work, and with the same hash as well the same message. */
export interface JobIdentity {
  readonly data: unknown;
  readonly key: string;
  readonly payloadHash: string;
}

/** A job to publish by its contract. */
export interface FeedJob extends JobIdentity {
  readonly kind: 'job';
  readonly afterSeconds: number;
  readonly job: AnyJob;
  readonly id: string | undefined;
}

/** A body to send to the queue of a job type as it stands, as a service would that knows nothing of contracts. */
export interface FeedBody {
  readonly kind: 'body';
  readonly afterSeconds: number;
  readonly job: AnyJob;
  readonly body: string;
  /** The job that its consumer will read in it; absent for a body that can never be one. */
  readonly reads?: JobIdentity;
}

export type FeedEntry = FeedJob | FeedBody;

const AFTER = z.number().min(0).max(86_400).default(0);
const jobLine = z.strictObject({
  type: z.string(),
  data: z.unknown().refine((data) => data !== undefined, 'is missing'),
  id: z.string().min(1).max(LONGEST_ID).optional(),
  afterSeconds: AFTER,
});
const bodyLine = z.strictObject({ queue: z.string(), body: z.string().min(1), afterSeconds: AFTER });

/**
 * Reads a whole feed before anything of it is published, so that a mistake in its last line publishes nothing.
 *
 * @param source a file, or `-` for standard input
 * @throws UsageError naming the file, the line and what is wrong with it
 */
export async function readFeed(source: string): Promise<FeedEntry[]> {
  const lines = onDay(await contents(source), new Date()).split('\n');
  return lines.flatMap((line, index) =>
    line.trim() === '' ? [] : [readLine(line, `${source}, line ${index + 1}`)],
  );
}

const DAY_MS = 86_400_000;

/** Puts the UTC day in place of `{today}`, and the days around it in place of `{today-1}`, `{today+7}`: a feed may tell of the day that it is read on. */
function onDay(text: string, now: Date): string {
  return text.replaceAll(/\{today([+-]\d{1,3})?\}/g, (_, days: string | undefined) =>
    new Date(now.getTime() + Number(days ?? 0) * DAY_MS).toISOString().slice(0, 10),
  );
}

async function contents(source: string): Promise<string> {
  if (source === '-') return text(process.stdin);
  try {
    return readFileSync(source, 'utf8');
  } catch (error) {
    throw new UsageError(`The feed ${source} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function readLine(line: string, where: string): FeedEntry {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new UsageError(
      `${where}: not JSON (${(error as Error).message}). A feed has one JSON object a line.`,
    );
  }
  if (typeof value === 'object' && value !== null && 'queue' in value) {
    const { queue, body, afterSeconds } = checked(bodyLine, value, where);
    const job = jobOf(queue, where);
    const parsed = parseJob(job, body);
    if (!parsed.ok) return { kind: 'body', afterSeconds, job, body };
    const { message, key, payloadHash } = parsed.value;
    return { kind: 'body', afterSeconds, job, body, reads: { data: message.data, key, payloadHash } };
  }
  const { type, data, id, afterSeconds } = checked(jobLine, value, where);
  const job = jobOf(type, where);
  const payload = validate(job, data);
  if (!payload.ok) throw new UsageError(`${where}: ${payload.rejection.message}`);
  const key = keyOf(job, payload.value);
  if (!key.ok) throw new UsageError(`${where}: ${key.rejection.message}`);
  return { kind: 'job', afterSeconds, job, data, id, key: key.value, payloadHash: payloadHash(data) };
}

function checked<Output>(schema: z.ZodType<Output>, value: unknown, where: string): Output {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(
    `${where}: ${issuesOf(parsed.error)}. A line has "type" and "data", or "queue" and "body".`,
  );
}

function jobOf(type: string, where: string): AnyJob {
  const job = jobByType(type);
  if (!job)
    throw new UsageError(`${where}: there is no job type "${type}"; there are ${JOB_TYPES.join(', ')}.`);
  return job;
}
