import { Logger } from '@aws-lambda-powertools/logger';
import { RedriveExecutionCommand, SFNClient, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { EXECUTION_ENDS, functionName, tableName } from '../../../shared/jobs/names.ts';
import { StageData } from '../../../shared/jobs/stage-data.ts';
import {
  type EndRuntime,
  type ExecutionStatusDetail,
  executionEnded,
} from '../../../shared/stages/execution-ended.ts';
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
function tell(detail: ExecutionStatusDetail, runtime: Partial<EndRuntime> = {}): Promise<void> {
  const event = { detail } as Parameters<typeof executionEnded>[0];
  return executionEnded(event, {
    dynamo: lab.dynamo,
    sqs: lab.sqs,
    sfn,
    jobsTable: tableName(STAGE, 'jobs'),
    data: new StageData('none', () => Promise.reject(new Error('Nothing here is large.'))),
    logger: new Logger({ logLevel: 'SILENT' }),
    now: () => lab.cloud.clock.now(),
    ...runtime,
  });
}

/** A job whose first stage waits to be tried again. @returns what tells that its execution was stopped by hand */
async function abortedJob(key: string): Promise<ExecutionStatusDetail> {
  await lab.publish(staged, { key, words: ['a'], acts: { collect: ['throw', 'throw'] } });
  await lab.settle();
  const { executionArn = '' } = (await lab.record(staged, key)) ?? {};
  await sfn.send(new StopExecutionCommand({ executionArn }));
  return { executionArn, status: 'ABORTED', input: null, output: null };
}

/** EventBridge tells nobody of an end while this is not called. @returns lets it */
function untold(): () => void {
  return lab.cloud.faults.throttle(functionName(STAGE, EXECUTION_ENDS));
}

async function lettersOf(key: string): Promise<number> {
  return (await lab.deadLetters(staged)).filter(({ job }) => job?.key === key).length;
}

/** The same client, but for one kind of call. */
function but<Client extends { send: (...call: never[]) => unknown }>(
  client: Client,
  command: string,
  instead: (send: () => unknown) => unknown,
): Client {
  return Object.assign(Object.create(client), {
    send: (given: object, ...rest: never[]) => {
      const send = () => client.send(given as never, ...rest);
      return given.constructor.name === command ? instead(send) : send();
    },
  });
}

describe('the message of a job whose execution failed', () => {
  it('is sent back once, though the end is told again while it is being sent', async () => {
    const tellOthers = untold();
    const detail = await abortedJob('told again');
    const { promise: toldAgain, resolve: go } = Promise.withResolvers<void>();
    const sqs = but(lab.sqs, 'SendMessageCommand', async (send) => {
      await toldAgain;
      return send();
    });
    const first = tell(detail, { sqs });
    await lab.until(async () => (await lab.record(staged, 'told again'))?.state === 'dead');
    await tell(detail);
    go();
    await first;
    tellOthers();
    await lab.drain();
    expect(await lettersOf('told again')).toBe(1);
  });

  it('is sent back by the next one that is told, where the first one died at it', async () => {
    const tellOthers = untold();
    const detail = await abortedJob('died');
    const sqs = but(lab.sqs, 'SendMessageCommand', () => Promise.reject(new Error('died')));
    await expect(tell(detail, { sqs })).rejects.toThrow('died');
    await lab.advance(60);
    await tell(detail);
    tellOthers();
    await lab.drain();
    expect(await lettersOf('died')).toBe(1);
    expect(await lab.record(staged, 'died')).toMatchObject({ state: 'dead', life: 1 });
  });

  it('is not sent again once the consumer has met it, though nobody has noted that it was sent', async () => {
    const tellOthers = untold();
    const detail = await abortedJob('not noted');
    let updates = 0;
    const dynamo = but(lab.dynamo, 'UpdateCommand', (send) =>
      ++updates === 1 ? send() : Promise.reject(new Error('died')),
    );
    await expect(tell(detail, { dynamo })).rejects.toThrow('died');
    await lab.settle();
    expect((await lab.record(staged, 'not noted'))?.verdict?.messageId).not.toBe('');
    await lab.advance(60);
    await tell(detail);
    tellOthers();
    await lab.drain();
    expect(await lettersOf('not noted')).toBe(1);
  });
});

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
