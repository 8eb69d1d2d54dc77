import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { synthesize } from '../cli/synth.ts';
import { JobLookup } from '../shared/client/job-lookup.ts';
import { targetAt } from './target.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const STAGE = 'dev';
const LOOK_EVERY_MS = 50;

/**
 * Types `npm start` and waits for the first completed job of the samples. What `npm start` synthesized before is there already.
 *
 * @returns seconds from the start of npm to the job's own `completedAtMs`
 */
export async function secondsToFirstJob(): Promise<number> {
  await synthesize(STAGE);
  const dataDirectory = mkdtempSync(join(tmpdir(), 'honest-jobs-bench-'));
  const startedAtMs = Date.now();
  const npm = spawn('npm', ['start', '--', '--port', '0', '--data', dataDirectory], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    // A group of its own: npm starts a shell, and that the cloud; all three are stopped together.
    detached: true,
  });
  const ended = once(npm, 'exit');
  try {
    const greeting = await greetingOf(npm.stdout);
    const { dynamo, sqs } = targetAt('npm start', greeting);
    const completedAtMs = await firstCompletion(new JobLookup(dynamo, STAGE));
    dynamo.destroy();
    sqs.destroy();
    return (completedAtMs - startedAtMs) / 1000;
  } finally {
    if (npm.pid !== undefined && npm.exitCode === null) process.kill(-npm.pid, 'SIGTERM');
    await ended;
    rmSync(dataDirectory, { recursive: true, force: true });
  }
}

/** Goes on reading after it, as a terminal does: a program whose output nobody takes ends. @returns the endpoint in the greeting */
function greetingOf(output: Readable): Promise<string> {
  return new Promise((greeted, fail) => {
    const lines = createInterface(output);
    lines.on('line', (line) => {
      const [, endpoint] = /in the local cloud at (http:\S+)/.exec(line) ?? [];
      if (endpoint) greeted(endpoint);
    });
    lines.on('close', () => fail(new Error('npm start ended before it greeted.')));
  });
}

async function firstCompletion(lookup: JobLookup): Promise<number> {
  for (;;) {
    const completed = (await Array.fromAsync(lookup.all())).flatMap(
      ({ completedAtMs }) => completedAtMs ?? [],
    );
    if (completed.length > 0) return Math.min(...completed);
    await sleep(LOOK_EVERY_MS);
  }
}
