import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { synthesize } from '../cli/synth.ts';
import type { CloudReport } from './cloud.ts';
import { type Target, targetAt } from './target.ts';

/** A thread that is told to end still has its memory to give back. */
const THREADS_END_MS = 10_000;

export interface App {
  /** Its program, from the project's root. */
  readonly program: string;
  readonly stage: string;
}

export interface EmbeddedCloud extends Target {
  readonly endpoint: string;
  /** The memory of its process, in MB. */
  memoryMegabytes(): Promise<number>;
  /** Resolves a while after the last idle execution environment was ended. */
  atRest(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a local cloud with an app deployed into it and its state on disk, in a folder that lives as long as it does. */
export async function startEmbeddedCloud(
  { program, stage }: App,
  { maxWorkers }: { readonly maxWorkers?: number } = {},
): Promise<EmbeddedCloud> {
  const { directory: assembly } = await synthesize(stage, program);
  const dataDirectory = mkdtempSync(join(tmpdir(), 'honest-jobs-bench-'));
  const cloud = fork(fileURLToPath(new URL('cloud.ts', import.meta.url)), [
    assembly,
    dataDirectory,
    String(maxWorkers ?? ''),
  ]);
  const ended = once(cloud, 'exit');
  const report = async (): Promise<CloudReport> => {
    const [heard] = await Promise.race([
      once(cloud, 'message'),
      ended.then(([code]) => Promise.reject(new Error(`The local cloud ended with code ${code}.`))),
    ]);
    return heard as CloudReport;
  };
  const ask = (): Promise<CloudReport> => {
    const answer = report();
    cloud.send('report');
    return answer;
  };
  const { endpoint } = await report();
  return {
    ...targetAt('honest-jobs', endpoint),
    endpoint,
    memoryMegabytes: async () => (await ask()).rssBytes / 1e6,
    atRest: async () => {
      while ((await ask()).environments > 0) await sleep(500);
      await sleep(THREADS_END_MS);
    },
    stop: async () => {
      cloud.disconnect();
      await ended;
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}
