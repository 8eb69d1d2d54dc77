import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LocalCloudError } from '../local/kernel/errors.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** All that a template depends on. */
const INPUTS = ['infra', 'functions', 'shared', 'package-lock.json', 'cdk.json', 'tsconfig.json'];

export interface Synthesis {
  /** The cloud assembly: what `cdk deploy` would take. */
  readonly directory: string;
  /** Whether it was there already. */
  readonly cached: boolean;
}

/**
 * Synthesizes the app for `stage`, or finds the assembly of an earlier run whose inputs were the same to the byte: synthesis bundles
 * every function and takes seconds.
 *
 * @throws LocalCloudError `SYNTH_FAILED` with what the app printed
 */
export async function synthesize(
  stage: string,
  cacheDirectory = join(ROOT, '.honest-jobs', 'synth'),
): Promise<Synthesis> {
  const directory = join(cacheDirectory, `${stage}-${inputHash(stage)}`);
  if (existsSync(join(directory, 'manifest.json'))) return { directory, cached: true };
  mkdirSync(cacheDirectory, { recursive: true });
  // Renamed when whole, so that an interrupted synthesis is never taken for one.
  const draft = join(cacheDirectory, `draft-${process.pid}-${stage}`);
  rmSync(draft, { recursive: true, force: true });
  try {
    await promisify(execFile)(process.execPath, ['infra/app.ts'], {
      cwd: ROOT,
      env: { ...process.env, CDK_OUTDIR: draft, CDK_CONTEXT_JSON: JSON.stringify({ stage }) },
    });
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    const { stderr, message } = error as Error & { stderr?: string };
    throw new LocalCloudError('SYNTH_FAILED', `The app does not synthesize:\n${stderr?.trim() || message}`, {
      cause: error,
    });
  }
  for (const old of readdirSync(cacheDirectory))
    if (old.startsWith(`${stage}-`)) rmSync(join(cacheDirectory, old), { recursive: true, force: true });
  renameSync(draft, directory);
  return { directory, cached: false };
}

function inputHash(stage: string): string {
  const hash = createHash('sha256').update(`${stage}\0${process.version}\0`);
  for (const input of INPUTS) {
    const path = join(ROOT, input);
    const files = /\.[a-z]+$/.test(input)
      ? [path]
      : readdirSync(path, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => join(entry.parentPath, entry.name))
          .sort();
    for (const file of files)
      hash
        .update(`${file.slice(ROOT.length)}\0`)
        .update(readFileSync(file))
        .update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}
