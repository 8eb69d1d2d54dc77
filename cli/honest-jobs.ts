/** The `honest-jobs` command: looks at and acts on the jobs of a deployed stage. Credentials and region come from the environment, as for the AWS CLI. */
import { parseArgs } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { JobLookup } from '../shared/client/job-lookup.ts';
import { cancelCommand } from './commands/cancel.ts';
import { checklistCommand } from './commands/checklist.ts';
import type { Command } from './commands/command.ts';
import { deadCommand } from './commands/dead.ts';
import { discardCommand } from './commands/discard.ts';
import { endpointsCommand } from './commands/endpoints.ts';
import { redriveCommand } from './commands/redrive.ts';
import { resolveCommand } from './commands/resolve.ts';
import { stagesCommand } from './commands/stages.ts';
import { statusCommand } from './commands/status.ts';
import { serviceClock } from './service-clock.ts';
import { processTerminal, type Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

const HELP = `Looks at the jobs of a deployed stage, and acts on them.

  npx honest-jobs status ID            one job's whole story, by the id that its publisher chose
  npx honest-jobs status TYPE#KEY      the same, by type and key (--all: leave nothing out)
  npx honest-jobs dead TYPE            what lies in the dead-letter queue of a type, and why (100 letters; --all: all of them)
  npx honest-jobs checklist            what each job type has of what a queue needs, with the evidence, and what is missing (asks no cloud)
  npx honest-jobs endpoints list TENANT
                                       where a tenant gets its events, and how that goes (--all: whole URLs)
  npx honest-jobs endpoints deliveries TENANT/ENDPOINT [--event ID]
                                       the attempts to deliver to it, newest last (--all: all of them, with what the server answered)

These show the account, the region and what they will change, and ask first; without a terminal they need --yes:

  npx honest-jobs cancel TYPE#KEY      it never runs, or not again (by ID: only once its first attempt has begun)
  npx honest-jobs resolve TYPE#KEY STEP done [--result JSON]
                                       you looked: the uncertain step's effect happened, the job goes on after it
  npx honest-jobs resolve TYPE#KEY STEP not-done
                                       you looked: it certainly did not happen, the step runs
  npx honest-jobs redrive TYPE         moves the dead letters of a type back to its queue; each job begins a new life
  npx honest-jobs discard TYPE MESSAGE deletes one dead letter, by the id of its message that "dead" shows (--all: with its body before)
  npx honest-jobs stages resume TYPE#KEY
                                       a staged job that failed goes on at the stage that failed (by ID, too)
  npx honest-jobs stages resume TYPE --since 2h [--until 1h] [--rate 5]
                                       so do all of a type that failed in that time (s, m, h, d ago), so many a second
  npx honest-jobs endpoints register TENANT --url URL --events TYPE[,TYPE…] [--contact EMAIL] [--id ENDPOINT]
                                       sends a tenant's events (order.placed, order.*, *) there; prints the secret, this once
  npx honest-jobs endpoints change TENANT/ENDPOINT [--url URL] [--events TYPE[,TYPE…]] [--contact EMAIL|none]
                                       another address, other types or another contact; its secrets stay
  npx honest-jobs endpoints rotate TENANT/ENDPOINT [--overlap 1d]
                                       a new secret, printed this once; the former one signs, too, for that long
  npx honest-jobs endpoints enable TENANT/ENDPOINT
  npx honest-jobs endpoints disable TENANT/ENDPOINT [--because TEXT]
                                       lets deliveries go to it again, or ends them
  npx honest-jobs endpoints replay TENANT/ENDPOINT --from FILE
                                       delivers events that it never got: one a line, {"id", "type", "occurredAt", "data"} as they were published
  npx honest-jobs endpoints remove TENANT/ENDPOINT
                                       forgets it and its secrets

  --stage NAME                         default dev
  --endpoint-url URL                   the local cloud, for one: http://127.0.0.1:4570
  --yes                                do not ask
  --help                               this text

Exit codes: 0 well, 1 no such job or not done, 2 wrong usage, or --yes is missing, 6 the checklist has an item that is missing.
`;

const COMMANDS: Readonly<Record<string, Command>> = {
  status: statusCommand,
  dead: deadCommand,
  cancel: cancelCommand,
  resolve: resolveCommand,
  redrive: redriveCommand,
  discard: discardCommand,
  checklist: checklistCommand,
  stages: stagesCommand,
  endpoints: endpointsCommand,
};
const COMMON_OPTIONS = ['stage', 'endpoint-url', 'help'];

/** @returns the exit code */
export async function main(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  try {
    return await run(args, terminal);
  } catch (error) {
    process.stderr.write(`${reasonOf(error as Error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parse(args);
  const [name, ...subjects] = positionals;
  if (values.help || name === undefined) {
    terminal.print(helpOf(name));
    return values.help ? 0 : 2;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw new UsageError(`There is no command "${name}" (npx honest-jobs --help).`);
  if (subjects.length !== command.count)
    throw new UsageError(`"${name}" takes ${command.takes} (npx honest-jobs --help).`);
  const stray = Object.keys(values).find(
    (option) => !COMMON_OPTIONS.includes(option) && !command.options.includes(option),
  );
  if (stray) throw new UsageError(`"${name}" has no option --${stray} (npx honest-jobs --help).`);
  const {
    stage = 'dev',
    'endpoint-url': endpoint,
    yes = false,
    all = false,
    result,
    since,
    until,
    rate,
    ...others
  } = values;
  const client = endpoint === undefined ? {} : { endpoint };
  const [dynamoClient, sqs, sfn] = [new DynamoDBClient(client), new SQSClient(client), new SFNClient(client)];
  const now = serviceClock(dynamoClient);
  const dynamo = DynamoDBDocumentClient.from(dynamoClient);
  const s3 = new S3WhenNeeded(client);
  try {
    const lookup = new JobLookup(dynamo, stage);
    return await command.run(
      {
        stage,
        dynamo,
        sqs,
        sfn,
        s3: () => s3.client(),
        lookup,
        now,
        terminal,
        yes,
        all,
        ...(result === undefined ? {} : { result }),
        ...(since === undefined ? {} : { since }),
        ...(until === undefined ? {} : { until }),
        ...(rate === undefined ? {} : { rate }),
        given: textsOf(others),
      },
      subjects,
    );
  } catch (error) {
    throw withoutAnswer(error as Error, endpoint) ?? error;
  } finally {
    dynamoClient.destroy();
    sqs.destroy();
    sfn.destroy();
    await s3.destroy();
  }
}

/** Large, and needed by few: read when the first one asks for it. */
class S3WhenNeeded {
  readonly #settings: { readonly endpoint?: string };
  #client: Promise<S3Client> | undefined;

  constructor(settings: { readonly endpoint?: string }) {
    this.#settings = settings;
  }

  client(): Promise<S3Client> {
    this.#client ??= import('@aws-sdk/client-s3').then(
      ({ S3Client }) => new S3Client({ ...this.#settings, forcePathStyle: 'endpoint' in this.#settings }),
    );
    return this.#client;
  }

  async destroy(): Promise<void> {
    (await this.#client)?.destroy();
  }
}

/** The lines about one command, and the options that all have; of none, or one that is not there, all lines. */
function helpOf(name: string | undefined): string {
  if (name === undefined || !Object.hasOwn(COMMANDS, name)) return HELP;
  let isAbout = false;
  const about = HELP.split('\n').filter((line) => {
    const [, command] = /^ {2}npx honest-jobs (\S+)/.exec(line) ?? [];
    // A usage that is long goes on in lines that are indented further.
    isAbout = command === undefined ? isAbout && /^ {3}/.test(line) : command === name;
    return isAbout;
  });
  return [...about, '', HELP.slice(HELP.indexOf('  --stage NAME'))].join('\n');
}

const UNREACHABLE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH']);

/** Nobody answered: Node tries each address of a name, and its error for all of them says nothing by itself. */
function withoutAnswer(error: Error, endpoint: string | undefined): Error | undefined {
  const { code = '' } = error as Error & { code?: string };
  if (!UNREACHABLE.has(code)) return undefined;
  const tries = error instanceof AggregateError ? (error.errors as Error[]) : [error];
  const where = endpoint ?? process.env.AWS_ENDPOINT_URL;
  return new Error(
    `${tries.map(({ message }) => message).join('; ')}. Nothing answers at ${where === undefined ? "AWS's own address; is it the local cloud that you mean? --endpoint-url names it" : `${where}; --endpoint-url names another`}.`,
    { cause: error },
  );
}

function textsOf(values: Readonly<Record<string, string | boolean | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** Credentials, region, network, permissions: the SDK's own sentence says what is wrong; of a stage that is not there it does not. */
function reasonOf({ name, message }: Error): string {
  if (name === 'ResourceNotFoundException' || name === 'QueueDoesNotExist')
    return `${message} Is the stage deployed to this account and region? --stage names it.`;
  return message;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        stage: { type: 'string' },
        'endpoint-url': { type: 'string' },
        yes: { type: 'boolean' },
        all: { type: 'boolean' },
        result: { type: 'string' },
        since: { type: 'string' },
        until: { type: 'string' },
        rate: { type: 'string' },
        url: { type: 'string' },
        events: { type: 'string' },
        contact: { type: 'string' },
        id: { type: 'string' },
        because: { type: 'string' },
        overlap: { type: 'string' },
        event: { type: 'string' },
        from: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
