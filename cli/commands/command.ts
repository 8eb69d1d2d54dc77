import type { S3Client } from '@aws-sdk/client-s3';
import type { SFNClient } from '@aws-sdk/client-sfn';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { JobLookup } from '../../shared/client/job-lookup.ts';
import { type Target, targetOf } from '../../shared/client/target.ts';
import type { AnyJob } from '../../shared/jobs/define-job.ts';
import type { JobRecord } from '../../shared/jobs/record.ts';
import { JOB_TYPES, jobByType } from '../../shared/jobs/registry.ts';
import { shown, type Terminal } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';

/** What a command works with. */
export interface CommandContext {
  readonly stage: string;
  readonly dynamo: DynamoDBDocumentClient;
  readonly sqs: SQSClient;
  readonly sfn: SFNClient;
  /** Made when first needed. */
  readonly s3: () => Promise<S3Client>;
  readonly lookup: JobLookup;
  /** The cloud's own time. */
  readonly now: () => number;
  readonly terminal: Terminal;
  /** `--yes`: do not ask. */
  readonly yes: boolean;
  /** `--all`: leave nothing out. */
  readonly all: boolean;
  /** `--result`: JSON. */
  readonly result?: string;
  /** `--since`, `--until`: how long ago. */
  readonly since?: string;
  readonly until?: string;
  /** `--rate`: a second. */
  readonly rate?: string;
  /** What a command of several verbs takes besides, as it was given: `--url`, `--events`, … */
  readonly given: Readonly<Record<string, string>>;
}

export interface Command {
  /** Its arguments, as a refusal names them: `TYPE#KEY or ID`. */
  readonly takes: string;
  /** How many arguments that is. */
  readonly count: number;
  /** Its own options, beside those that all commands have. */
  readonly options: readonly string[];
  /** @returns the exit code */
  run(context: CommandContext, args: readonly string[]): Promise<number>;
}

/** @throws UsageError naming the types that there are */
export function jobOf(type: string): AnyJob {
  const job = jobByType(type);
  if (!job) throw new UsageError(`There is no job type "${type}"; there are ${JOB_TYPES.join(', ')}.`);
  return job;
}

/** Reads `TYPE#KEY`; a key may have further `#`. `undefined` where it is none of a known type, and so perhaps an id. */
export function typeAndKey(subject: string): { type: string; key: string } | undefined {
  const cut = subject.indexOf('#');
  const type = subject.slice(0, cut);
  const key = subject.slice(cut + 1);
  return cut > 0 && key !== '' && jobByType(type) ? { type, key } : undefined;
}

/**
 * For a subject that nothing is known of: an id, or `TYPE#KEY` with a mistake in the type.
 *
 * @throws UsageError where what it begins with is no type
 */
export function refuseUnknownType(subject: string): void {
  const cut = subject.indexOf('#');
  const type = subject.slice(0, cut);
  if (cut <= 0 || jobByType(type)) return;
  throw new UsageError(
    `No job that has begun has the id "${shown(subject)}", and there is no job type "${shown(type)}"; there are ${JOB_TYPES.join(', ')}.`,
  );
}

/**
 * The one job of a publisher's id.
 *
 * @throws UsageError naming the jobs where it is that of several
 */
export async function recordById(
  jobId: string,
  { lookup }: Pick<CommandContext, 'lookup'>,
): Promise<JobRecord | undefined> {
  const records = await lookup.byJobId(jobId);
  if (records.length > 1)
    throw new UsageError(
      `"${shown(jobId)}" is the id of ${records.length} jobs: name one of ${records
        .slice(0, 5)
        .map(({ pk }) => shown(pk))
        .join(', ')}.`,
    );
  return records[0];
}

/** The line that stands above everything that changes something. */
export async function targetLine({ dynamo, stage }: CommandContext): Promise<string> {
  const target: Target = await targetOf(dynamo, stage);
  return `account ${target.account}, region ${target.region}, stage "${target.stage}"`;
}
