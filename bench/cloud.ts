/** A local cloud in a process of its own, as it is used: what measures it takes nothing of its time. Started by `embedded-cloud.ts`. */
import { startLocalCloud } from '../local/cloud.ts';

/** What the process tells of itself, once at its start and whenever it is asked. */
export interface CloudReport {
  readonly endpoint: string;
  readonly rssBytes: number;
  /** Execution environments, busy and idle. */
  readonly environments: number;
}

const [, , assembly = '', dataDirectory = '', maxWorkers = ''] = process.argv;
const cloud = await startLocalCloud({
  assembly,
  dataDirectory,
  maxWorkers: maxWorkers === '' ? undefined : Number(maxWorkers),
});

function report(): void {
  process.send?.({
    endpoint: cloud.endpoint,
    rssBytes: process.memoryUsage.rss(),
    environments: cloud.lambda.environmentCount,
  } satisfies CloudReport);
}

report();
process.on('message', report);
process.once('disconnect', () => void cloud.stop());
