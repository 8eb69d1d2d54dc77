import { SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { resumedJobs } from '../../../cli/account/stage-runs.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { staged } from '../../lab/probe/staged/contract.ts';

vi.mock(import('../../../shared/jobs/registry.ts'), async (original) => {
  const registry = await original();
  const { staged } = await import('../../lab/probe/staged/contract.ts');
  return { ...registry, jobByType: (type) => (type === staged.type ? staged : registry.jobByType(type)) };
});

let lab: Lab;
let sfn: SFNClient;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('stagedAssembly'), stage: STAGE });
  const { endpoint, region } = lab.cloud;
  sfn = new SFNClient({ endpoint, region, credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' } });
});
afterAll(async () => {
  sfn.destroy();
  await lab.stop();
});

test('counts the runs of each stage of a resumed job, until it was resumed last and after, and of no other job', async () => {
  await lab.publish(staged, { key: 'well', words: ['hello'] });
  await lab.publish(staged, {
    key: 'resumed',
    words: ['hello', 'world'],
    acts: { join: ['throw', 'permanent', 'permanent'] },
  });
  await lab.drain();
  for (const life of [2, 3]) {
    await lab.advance(120);
    await lab.redrive(staged);
    await lab.drain();
    expect(await lab.record(staged, 'resumed')).toMatchObject({ life, redriveCount: life - 1 });
  }
  expect(await lab.record(staged, 'resumed')).toMatchObject({ state: 'completed' });

  const records = await Array.fromAsync(lab.lookup.all());
  expect(await resumedJobs(records, { sfn, stage: STAGE })).toEqual([
    {
      pk: 'staged#resumed',
      stages: [
        [{ name: 'collect', before: 1, after: 0 }],
        [{ name: 'shout', before: 2, after: 0 }],
        [
          { name: 'count', before: 1, after: 0 },
          { name: 'join', before: 3, after: 1 },
        ],
        [{ name: 'finish', before: 0, after: 1 }],
      ],
    },
  ]);
});
