/**
 * `npm run bench:concurrency`: jobs a second of a job that waits on a provider, while the mapping's MaximumConcurrency doubles.
 * docs/benchmarks.md says how to read it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  GetEventSourceMappingCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { functionName } from '../shared/jobs/names.ts';
import { startEmbeddedCloud } from './embedded-cloud.ts';
import { jobsPerSecond } from './jobs-per-second.ts';
import { measured, printMachine, printTable, short, spread } from './report.ts';
import { CREDENTIALS, REGION } from './target.ts';
import { PROVIDER_MS, waiting } from './waiting/contract.ts';

const STAGE = 'bench';
const CONCURRENCIES = [2, 4, 8];
/** More than the mapping may use: it alone is the bound. */
const MAX_WORKERS = 16;
const LOOK_EVERY_MS = 100;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    /** How long a round would take if nothing but the provider took time. */
    seconds: { type: 'string', default: '10' },
  },
});

printMachine();
const cloud = await startEmbeddedCloud(
  { program: 'bench/waiting/app.ts', stage: STAGE },
  { maxWorkers: MAX_WORKERS },
);
const lambda = new LambdaClient({ endpoint: cloud.endpoint, region: REGION, credentials: CREDENTIALS });
const figures = new Map(CONCURRENCIES.map((concurrency) => [concurrency, [] as number[]]));
try {
  for (let round = 0; round < Number(values.rounds); round++)
    for (const [concurrency, found] of figures) {
      await allow(concurrency);
      // Starts the threads that the round needs: an idle one is ended after a while.
      await run(concurrency, 1);
      found.push(await run(concurrency, Number(values.seconds)));
    }
} finally {
  lambda.destroy();
  await cloud.stop();
}

const rows = [...figures].map(([concurrency, found]) => ({ concurrency, jobs: measured(found) }));
printTable(
  ['maximumConcurrency', 'jobs/s', 'to the row above', `ideal (${PROVIDER_MS} ms a job)`],
  rows.map(({ concurrency, jobs }, index) => {
    const above = rows[index - 1];
    return [
      String(concurrency),
      spread(jobs),
      above ? `${short(jobs.median / above.jobs.median)}×` : '',
      short((concurrency * 1000) / PROVIDER_MS),
    ];
  }),
);

async function run(concurrency: number, seconds: number): Promise<number> {
  const count = Math.round((concurrency * seconds * 1000) / PROVIDER_MS);
  const calls = Array.from({ length: count }, () => ({ call: crypto.randomUUID() }));
  return jobsPerSecond(cloud, STAGE, waiting, calls);
}

/** Changes the mapping as an operator would, and waits until the change has taken effect. */
async function allow(concurrency: number): Promise<void> {
  const { EventSourceMappings: [mapping] = [] } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName: functionName(STAGE, waiting.type) }),
  );
  const UUID = mapping?.UUID;
  await lambda.send(
    new UpdateEventSourceMappingCommand({ UUID, ScalingConfig: { MaximumConcurrency: concurrency } }),
  );
  while ((await lambda.send(new GetEventSourceMappingCommand({ UUID }))).State !== 'Enabled')
    await sleep(LOOK_EVERY_MS);
}
