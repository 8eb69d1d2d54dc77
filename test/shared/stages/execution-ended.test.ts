import { Logger } from '@aws-lambda-powertools/logger';
import { RedriveExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { tableName } from '../../../shared/jobs/names.ts';
import { StageData } from '../../../shared/jobs/stage-data.ts';
import { type ExecutionStatusDetail, executionEnded } from '../../../shared/stages/execution-ended.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { staged } from '../../lab/probe/staged/contract.ts';

let lab: Lab;
let sfn: SFNClient;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('stagedAssembly'), stage: STAGE });
  const credentials = { accessKeyId: 'lab', secretAccessKey: 'lab' };
  sfn = new SFNClient({ endpoint: lab.cloud.endpoint, region: lab.cloud.region, credentials });
});
afterAll(async () => {
  sfn.destroy();
  await lab.stop();
});

/** Tells the end as EventBridge does. */
function tell(detail: ExecutionStatusDetail): Promise<void> {
  const event = { detail } as Parameters<typeof executionEnded>[0];
  return executionEnded(event, {
    dynamo: lab.dynamo,
    sqs: lab.sqs,
    sfn,
    jobsTable: tableName(STAGE, 'jobs'),
    data: new StageData('none', () => Promise.reject(new Error('Nothing here is large.'))),
    logger: new Logger({ logLevel: 'SILENT' }),
    now: () => lab.cloud.clock.now(),
  });
}

describe('the end of an execution', () => {
  it('whose event leaves out its data, since that is too large, is recorded with what Step Functions has', async () => {
    await lab.publish(staged, { key: 'left out', words: ['a'], acts: { collect: ['throw', 'throw'] } });
    await lab.settle();
    const { executionArn = '' } = (await lab.record(staged, 'left out')) ?? {};
    await tell({ executionArn, status: 'ABORTED', input: null, output: null });
    expect(await lab.record(staged, 'left out')).toMatchObject({
      state: 'dead',
      verdict: { code: 'EXECUTION_ABORTED', exhausted: false },
    });
  });

  it('that somebody redrove past its job completes the job all the same', async () => {
    await lab.publish(staged, { key: 'past the job', words: ['a'], acts: { finish: ['permanent'] } });
    await lab.drain();
    const { executionArn, ...dead } = (await lab.record(staged, 'past the job')) ?? {};
    expect(dead).toMatchObject({ state: 'dead', verdict: { code: 'STAGE_FAILED', exhausted: false } });
    await sfn.send(new RedriveExecutionCommand({ executionArn }));
    await lab.drain();
    expect(await lab.record(staged, 'past the job')).toMatchObject({
      state: 'completed',
      redriveCount: 1,
      result: '{"said":"1: A"}',
    });
  });
});
