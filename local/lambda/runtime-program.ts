import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

let program: string | undefined;

/**
 * The program of an environment's thread as one CommonJS script. Bundled, because a thread that strips types itself needs
 * 20 MB and 60 ms more, each time.
 */
export function runtimeProgram(): string {
  program ??= buildSync({
    entryPoints: [fileURLToPath(new URL('./runtime/thread.ts', import.meta.url))],
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    // Class names appear in what the thread reports.
    keepNames: true,
    write: false,
  }).outputFiles[0]?.text;
  if (program === undefined) throw new Error('esbuild gave no output for the thread program');
  return program;
}
