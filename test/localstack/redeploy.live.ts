import { afterAll, beforeAll, expect, it } from 'vitest';
import { cdk } from '../../cli/cdk.ts';
import { synthesize } from '../../cli/synth.ts';
import { DeployedStage } from '../integration/deployed-stage.ts';

/** Half a second each: enough that a deployment begins and ends among them. */
const JOBS = 500;
const WITHIN_MS = 600_000;

let stage: DeployedStage;
beforeAll(async () => {
  stage = await DeployedStage.open();
});
afterAll(() => stage?.close());

it(
  'loses nothing when a function is changed and deployed with messages in flight',
  async (test) => {
    const job = stage.probe(test);
    const { directory } = await synthesize(stage.stage, 'test/integration/changed-app.ts');
    const keys = Array.from({ length: JOBS }, () => crypto.randomUUID());
    const { accepted } = await stage.publisher.publishMany(
      job,
      keys.map((key) => ({ payload: { key, lives: [['slow' as const]] } })),
    );
    expect(accepted).toHaveLength(JOBS);
    await cdk(['deploy', '--app', directory, '--all', '--require-approval', 'never']);

    const revisions = new Map<string, number>();
    for (const key of keys) {
      const { result } = await stage.becomes(job, key, 'completed', WITHIN_MS / 1000);
      const { revision } = JSON.parse(result ?? '{}') as { revision: string };
      revisions.set(revision, (revisions.get(revision) ?? 0) + 1);
    }
    // Both have run, or the deployment was not among the messages.
    expect([...revisions.keys()].sort()).toEqual(['first', 'second']);
  },
  WITHIN_MS,
);
