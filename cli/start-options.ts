import { parseArgs } from 'node:util';
import { UsageError } from './usage-error.ts';

export interface StartOptions {
  /** End when all is drained, and print the account. */
  readonly once: boolean;
  /** Discard what the data folder holds. */
  readonly fresh: boolean;
  readonly port: number;
  readonly dataDirectory: string;
  /** A file of jobs, `-` for standard input, `undefined` for the samples. */
  readonly feed: string | undefined;
  /** Cloud seconds a second while nothing runs. */
  readonly factor: number;
}

export const DEFAULT_PORT = 4570;
/** An hour's backoff in a second. */
export const ONCE_FACTOR = 3600;
const DATA_DIRECTORY = '.honest-jobs/data';
const ONCE_DIRECTORY = '.honest-jobs/once';

export const START_HELP = `Runs the deployed shape on this machine: synthesizes the template, deploys it into a local cloud, and publishes jobs.

  npm start                 stays up and takes messages from anyone; Ctrl-C stops it, its state is kept
  npm start -- --once       ends when all is drained, prints the account, exits 0 only if every promise held

  --feed FILE               your own jobs instead of the samples, one JSON object a line ("-": standard input):
                              {"type": "send-email", "data": {…}, "id": "…", "afterSeconds": 5}
                              {"queue": "send-email", "body": "sent as it is"}
  --data DIR                where the state lives (default ${DATA_DIRECTORY}; with --once ${ONCE_DIRECTORY}, emptied first)
  --fresh                   discard that state first
  --port N                  the loopback port (default ${DEFAULT_PORT}; 0 takes a free one)
  --factor N                cloud seconds a second while no function runs (default 1; with --once ${ONCE_FACTOR})
  --help                    this text

Exit codes: 0 well, 1 a promise did not hold, 2 wrong usage or input, 3 the local cloud could not start,
130 interrupted before the account of --once (143 by SIGTERM).
`;

/** @returns `undefined` where the help was asked for @throws UsageError */
export function startOptions(args: readonly string[]): StartOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const once = values.once ?? false;
  return {
    once,
    // A run that is judged as a whole begins with nothing, unless it is told where to go on.
    fresh: values.fresh ?? (once && values.data === undefined),
    port: integer('--port', values.port ?? String(once ? 0 : DEFAULT_PORT), 0, 65_535),
    dataDirectory: values.data ?? (once ? ONCE_DIRECTORY : DATA_DIRECTORY),
    feed: values.feed,
    factor: integer('--factor', values.factor ?? String(once ? ONCE_FACTOR : 1), 1, 10_000),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        once: { type: 'boolean' },
        fresh: { type: 'boolean' },
        port: { type: 'string' },
        data: { type: 'string' },
        feed: { type: 'string' },
        factor: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message} (npm start -- --help shows all options)`);
  }
}

function integer(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new UsageError(`${option} is "${text}": give a whole number from ${least} to ${most}.`);
  return value;
}
