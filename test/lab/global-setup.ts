import type { TestProject } from 'vitest/node';
import { synthesize } from '../../cli/synth.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The deployed app's cloud assembly, stage dev. */
    assembly: string;
    /** The same state with a jobs stack that holds the probe alone. */
    probeAssembly: string;
    /** The same with a staged job alone. */
    stagedAssembly: string;
  }
}

export const STAGE = 'dev';

/** Synthesizes once for all test files; the bundles in it are those that a deployment would upload. */
export default async function setup(project: TestProject): Promise<void> {
  const [deployed, probe, staged] = await Promise.all([
    synthesize(STAGE),
    synthesize(STAGE, 'test/lab/probe/app.ts'),
    synthesize(STAGE, 'test/lab/probe/staged-app.ts'),
  ]);
  project.provide('assembly', deployed.directory);
  project.provide('probeAssembly', probe.directory);
  project.provide('stagedAssembly', staged.directory);
}
