/**
 * `npm run bench:local`: the local cloud by itself, and beside LocalStack where one runs: jobs a second of the real app, messages a
 * second of a function that does nothing, time to the first job, memory. docs/benchmarks.md says how to read it.
 */
import { parseArgs } from 'node:util';
import { type App, startEmbeddedCloud } from './embedded-cloud.ts';
import { findLocalStack, type LocalStack } from './localstack.ts';
import { messagesPerSecond } from './messages.ts';
import { openAccounts, paymentsPerSecond } from './payments.ts';
import { type Measured, measured, printMachine, printTable, short, spread } from './report.ts';
import { secondsToFirstJob } from './start-up.ts';
import type { Target } from './target.ts';

/** The deployed app, in a stage of its own: such a stage brings no SES identity, which LocalStack cannot create. */
const REAL: App = { program: 'infra/app.ts', stage: 'bench' };
const TRIVIAL: App = { program: 'bench/trivial/app.ts', stage: 'bench' };

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    payments: { type: 'string', default: '3000' },
    messages: { type: 'string', default: '2000' },
    /** LocalStack is given fewer, or a run would take half an hour: a rate does not depend on it once functions are warm. */
    'localstack-payments': { type: 'string', default: '300' },
    'localstack-messages': { type: 'string', default: '500' },
  },
});
const rounds = Number(values.rounds);

printMachine();
const found = await findLocalStack();
const localStack = 'absentAt' in found ? undefined : found;
if ('absentAt' in found)
  console.log(`LocalStack does not answer at ${found.absentAt} (LOCALSTACK_ENDPOINT): measuring without it.`);
else console.log(`LocalStack ${found.version} answers: measured side by side, the rounds in turn.`);

const startUps: number[] = [];
for (let round = 0; round < rounds; round++) startUps.push(await secondsToFirstJob());

const memory: [state: string, megabytes: number][] = [];
const payments = await sideBySide(REAL, {
  counts: { here: Number(values.payments), localStack: Number(values['localstack-payments']) },
  prepare: (target) => openAccounts(target, REAL.stage),
  measure: (target, count) => paymentsPerSecond(target, REAL.stage, count),
  followMemory: true,
});
const messages = await sideBySide(TRIVIAL, {
  counts: { here: Number(values.messages), localStack: Number(values['localstack-messages']) },
  measure: messagesPerSecond,
});

printTable(
  ['median of the rounds (least–most)', 'honest-jobs', ...(localStack ? ['LocalStack', 'ratio'] : [])],
  [
    ['process-payment, jobs/s', ...cells(payments)],
    ['trivial function, batch 10, messages/s', ...cells(messages)],
  ],
);
printTable(
  ['the local cloud', ''],
  [
    ['npm start to the first completed job, s', spread(measured(startUps))],
    ...memory.map(([state, megabytes]) => [`memory (RSS) ${state}, MB`, short(megabytes)]),
  ],
);

interface Measurement {
  readonly counts: { readonly here: number; readonly localStack: number };
  readonly prepare?: (target: Target) => Promise<void>;
  readonly measure: (target: Target, count: number) => Promise<number>;
  readonly followMemory?: boolean;
}

interface Pair {
  readonly here: Measured;
  readonly localStack: Measured | undefined;
}

/** Deploys the app to both and measures them in turn, so that what disturbs the machine disturbs both. One round before warms up. */
async function sideBySide(app: App, { counts, prepare, measure, followMemory }: Measurement): Promise<Pair> {
  const cloud = await startEmbeddedCloud(app);
  try {
    const follow = async (state: string): Promise<void> => {
      if (followMemory) memory.push([state, await cloud.memoryMegabytes()]);
    };
    await follow('after the start');
    await localStack?.deploy(app);
    const here: number[] = [];
    const there: number[] = [];
    const both: readonly [Target, number[], number][] = [
      [cloud, here, counts.here],
      ...((localStack ? [[localStack, there, counts.localStack]] : []) as [LocalStack, number[], number][]),
    ];
    for (const [target] of both) await prepare?.(target);
    for (let round = 0; round <= rounds; round++)
      for (const [target, figures, count] of both) {
        const figure = await measure(target, count);
        if (round > 0) figures.push(figure);
        if (target === cloud && round === rounds) await follow('under load');
      }
    await cloud.atRest();
    await follow('at rest');
    return { here: measured(here), localStack: localStack && measured(there) };
  } finally {
    await cloud.stop();
  }
}

function cells({ here, localStack }: Pair): string[] {
  if (!localStack) return [spread(here)];
  return [spread(here), spread(localStack), `${short(here.median / localStack.median)}×`];
}
