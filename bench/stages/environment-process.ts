import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { bundlingOf } from '../../infra/constructs/bundling.ts';
import type { RunAnswer } from './one-process.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

export interface Ran {
  readonly answers: readonly unknown[];
  readonly seconds: number;
  readonly peakMegabytes: number;
}

/**
 * Bundles an entry as a deployment does and runs it in a process of its own, event after event.
 *
 * @param entry from the project's root
 * @throws Error with what the handler threw
 */
export async function runInProcess(
  entry: string,
  events: readonly unknown[],
  { directory, variables }: { readonly directory: string; readonly variables: Record<string, string> },
): Promise<Ran> {
  const { outputFiles } = buildSync(bundlingOf(join(PROJECT, entry)));
  const folder = join(directory, entry.replaceAll(/\W/g, '-'));
  mkdirSync(folder, { recursive: true });
  const [map, code] = outputFiles;
  if (!map || !code) throw new Error(`${entry} gave no bundle.`);
  writeFileSync(join(folder, 'index.js.map'), map.contents);
  writeFileSync(join(folder, 'index.js'), code.contents);
  const child = fork(
    fileURLToPath(new URL('one-process.ts', import.meta.url)),
    [join(folder, 'index.js')],
    // Their metrics and logs are not what is measured.
    {
      env: { PATH: process.env.PATH, POWERTOOLS_LOG_LEVEL: 'SILENT', ...variables },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    },
  );
  try {
    await once(child, 'message');
    const startMs = performance.now();
    const answers: unknown[] = [];
    let peakBytes = 0;
    for (const event of events) {
      const heard = once(child, 'message');
      child.send(event as object);
      const [{ answer, error, peakBytes: peak }] = (await heard) as [RunAnswer];
      if (error !== undefined) throw new Error(`${entry}: ${error}`);
      answers.push(answer);
      peakBytes = peak;
    }
    return { answers, seconds: (performance.now() - startMs) / 1000, peakMegabytes: peakBytes / 2 ** 20 };
  } finally {
    child.disconnect();
  }
}
