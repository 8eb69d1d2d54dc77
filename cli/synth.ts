import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LocalCloudError } from '../local/kernel/errors.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CACHE_DIRECTORY = join(ROOT, '.honest-jobs', 'synth');
const KEPT_ASSEMBLIES = 3;
/** All that a template depends on. */
const INPUTS = ['infra', 'functions', 'shared', 'package-lock.json', 'cdk.json', 'tsconfig.json'];

export const DEPLOYED_APP = 'infra/app.ts';

export interface Synthesis {
  /** The cloud assembly: what `cdk deploy` would take. */
  readonly directory: string;
  /** Whether it was there already. */
  readonly cached: boolean;
}

/**
 * Synthesizes a CDK app for `stage`, or finds the assembly of an earlier run whose inputs were the same to the byte: synthesis bundles
 * every function and takes seconds.
 *
 * @param app its program, from the project's root @default the deployed one
 * @param begins called where nothing was found and the seconds begin
 * @throws LocalCloudError `SYNTH_FAILED` with what the app printed
 */
export async function synthesize(
  stage: string,
  app = DEPLOYED_APP,
  begins: () => void = () => {},
): Promise<Synthesis> {
  const name = `${app.replaceAll(/[^a-z]+/g, '-')}-${stage}`;
  const directory = join(CACHE_DIRECTORY, `${name}-${inputHash(app, stage)}`);
  if (existsSync(join(directory, 'manifest.json'))) return { directory, cached: true };
  begins();
  mkdirSync(CACHE_DIRECTORY, { recursive: true });
  // Renamed when whole, so that an interrupted synthesis is never taken for one.
  const draft = join(CACHE_DIRECTORY, `draft-${process.pid}-${name}`);
  rmSync(draft, { recursive: true, force: true });
  try {
    await promisify(execFile)(process.execPath, [app], {
      cwd: ROOT,
      env: {
        ...process.env,
        CDK_OUTDIR: draft,
        CDK_CONTEXT_JSON: JSON.stringify({ stage }),
        // Half of the time: the CDK's own check of the templates, which a deployment makes again, and compiling the CDK.
        CDK_VALIDATION: 'false',
        NODE_COMPILE_CACHE: join(ROOT, '.honest-jobs', 'compiled'),
      },
    });
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    const { stderr, message } = error as Error & { stderr?: string };
    throw new LocalCloudError('SYNTH_FAILED', `The app does not synthesize:\n${stderr?.trim() || message}`, {
      cause: error,
    });
  }
  keep(draft, directory);
  forgetOld(name);
  return { directory, cached: false };
}

/** Another process may have synthesized the same meanwhile: its assembly is as good. */
function keep(draft: string, directory: string): void {
  try {
    renameSync(draft, directory);
  } catch (error) {
    if (!existsSync(join(directory, 'manifest.json'))) throw error;
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Keeps the newest few: a cloud that still runs loads its bundles from an older one. */
function forgetOld(name: string): void {
  const newestFirst = readdirSync(CACHE_DIRECTORY)
    .filter((entry) => entry.startsWith(`${name}-`))
    .map((entry) => ({
      path: join(CACHE_DIRECTORY, entry),
      madeMs: statSync(join(CACHE_DIRECTORY, entry)).mtimeMs,
    }))
    .sort((a, b) => b.madeMs - a.madeMs);
  for (const { path } of newestFirst.slice(KEPT_ASSEMBLIES)) rmSync(path, { recursive: true, force: true });
}

function inputHash(app: string, stage: string): string {
  const hash = createHash('sha256').update(`${stage}\0${process.version}\0`);
  for (const input of [...INPUTS, dirname(app)]) {
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
