/** The `honest-jobs` command: looks at the jobs of a deployed stage. Credentials and region come from the environment, as for the AWS CLI. */
import { parseArgs } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { peekDeadLetters } from '../shared/client/dead-letters.ts';
import { JobLookup } from '../shared/client/job-lookup.ts';
import type { HonestJobsError } from '../shared/jobs/honest-jobs-error.ts';
import { JOB_TYPES, jobByType } from '../shared/jobs/registry.ts';
import { storyOf } from './story.ts';
import { UsageError } from './usage-error.ts';

const HELP = `Looks at the jobs of a deployed stage. Nothing is changed.

  npx honest-jobs status ID            one job's whole story, by the id that its publisher chose
  npx honest-jobs status TYPE#KEY      the same, by type and key
  npx honest-jobs dead TYPE            what lies in the dead-letter queue of a type, and why (shown messages are hidden for 10 s)

  --stage NAME                         default dev
  --endpoint-url URL                   the local cloud, for one: http://127.0.0.1:4570
  --help                               this text

Exit codes: 0 well, 1 no such job, 2 wrong usage.
`;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** @returns the exit code */
export async function main(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    // Credentials, region, network, permissions: the SDK's own sentence says what is wrong.
    process.stderr.write(`${(error as Error).message}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args);
  const [command, subject, ...more] = positionals;
  if (values.help || command === undefined) {
    print(HELP);
    return values.help ? 0 : 2;
  }
  if (subject === undefined || more.length > 0)
    throw new UsageError(`"${command}" takes one argument (npx honest-jobs --help).`);
  const stage = values.stage ?? 'dev';
  const client = values['endpoint-url'] === undefined ? {} : { endpoint: values['endpoint-url'] };
  const dynamo = DynamoDBDocumentClient.from(new DynamoDBClient(client));
  const lookup = new JobLookup(dynamo, stage);
  switch (command) {
    case 'status':
      return status(subject, stage, lookup);
    case 'dead':
      return dead(subject, stage, new SQSClient(client), lookup);
    default:
      throw new UsageError(`There is no command "${command}" (npx honest-jobs --help).`);
  }
}

async function status(subject: string, stage: string, lookup: JobLookup): Promise<number> {
  const [type = '', ...key] = subject.split('#');
  const found =
    key.length > 0 && jobByType(type)
      ? [await lookup.byKey(type, key.join('#'))].filter((record) => record !== undefined)
      : await lookup.byJobId(subject);
  if (found.length === 0) {
    print(
      `Stage "${stage}" has no record of "${subject}". Either its message still waits for its first attempt, or it was never accepted, or it was rejected before it had a key (npx honest-jobs dead TYPE), or it is older than the records.`,
    );
    return 1;
  }
  for (const record of found) print(storyOf(record, await lookup.steps(record), Date.now()));
  return 0;
}

async function dead(type: string, stage: string, sqs: SQSClient, lookup: JobLookup): Promise<number> {
  const job = jobByType(type);
  if (!job) throw new UsageError(`There is no job type "${type}"; there are ${JOB_TYPES.join(', ')}.`);
  const letters = await peekDeadLetters(job, { sqs, stage, lookup });
  print(`${letters.length} dead letters of ${type} in stage "${stage}"`);
  for (const { messageId, sentAtMs, reason, job: read } of letters)
    print(
      `\n  ${read ? `${type}#${read.key} (id ${read.id})` : `message ${messageId}`}, sent ${new Date(sentAtMs).toISOString()}\n    ${reason.code}: ${reason.message}`,
    );
  return 0;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        stage: { type: 'string' },
        'endpoint-url': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as HonestJobsError).message);
  }
}
