import { RedriveExecutionCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/kernel/errors.ts';
import { probe, row, StatesLab } from './states-lab.ts';

const DAY = 86_400;

/** A task that fails while `refused` holds its name, and whose calls are counted by that name. */
class Works {
  readonly refused = new Set<string>();
  readonly calls: string[] = [];

  watch(lab: StatesLab): void {
    lab.cloud.states.intercept = (_, payload) => {
      const { name } = JSON.parse(payload) as { name: string };
      this.calls.push(name);
      if (this.refused.has(name)) throw new AwsError('ServiceException', `${name} is down`, 500);
    };
  }
}

const work = (name: string, fields: object = {}) =>
  probe({ do: 'echo', name }, { ResultPath: null, ...fields });

async function redrive(lab: StatesLab, executionArn: string, clientToken?: string) {
  const answer = await lab.client.send(new RedriveExecutionCommand({ executionArn, clientToken }));
  await lab.drain();
  return answer;
}

describe('RedriveExecution', () => {
  it('continues from the state that failed, with its input, and runs no finished one again', async () => {
    const machine = row({ First: work('first'), Second: work('second'), Third: work('third') });
    await using lab = await StatesLab.open({ machine });
    const works = new Works();
    works.watch(lab);
    works.refused.add('second');
    const { executionArn = '' } = await lab.run('machine', { id: 1 });
    expect(await lab.result(executionArn)).toMatchObject({ status: 'FAILED', redriveStatus: 'REDRIVABLE' });
    works.refused.clear();
    await lab.pass(3600);
    const { redriveDate } = await redrive(lab, executionArn);
    expect(await lab.result(executionArn)).toMatchObject({
      status: 'SUCCEEDED',
      output: { id: 1 },
      redriveCount: 1,
      redriveDate,
      redriveStatus: 'NOT_REDRIVABLE',
      redriveStatusReason: 'Execution is SUCCEEDED and cannot be redriven',
    });
    expect(works.calls).toEqual(['first', 'second', 'second', 'third']);
    const types = await lab.types(executionArn);
    const redriven = types.indexOf('ExecutionRedriven');
    expect(types.slice(redriven - 2, redriven + 4)).toEqual([
      'TaskFailed',
      'ExecutionFailed',
      'ExecutionRedriven',
      'TaskScheduled',
      'TaskStarted',
      'TaskSucceeded',
    ]);
  });

  it('begins to count retries anew', async () => {
    const Retry = [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 1, MaxAttempts: 2 }];
    await using lab = await StatesLab.open({ machine: row({ Work: work('only', { Retry }) }) });
    const works = new Works();
    works.watch(lab);
    works.refused.add('only');
    const { executionArn = '' } = await lab.run('machine');
    expect(works.calls).toHaveLength(3);
    await redrive(lab, executionArn);
    expect(works.calls).toHaveLength(6);
    await redrive(lab, executionArn);
    expect(await lab.result(executionArn)).toMatchObject({ status: 'FAILED', redriveCount: 2 });
  });

  it('keeps the finished iterations of a Map state, and starts those that never ran', async () => {
    const machine = row({
      Each: {
        Type: 'Map',
        MaxConcurrency: 1,
        ItemProcessor: row({
          Resize: probe(
            {},
            {
              Parameters: { FunctionName: 'probe', Payload: { do: 'echo', 'name.$': '$' } },
              ResultPath: null,
            },
          ),
          Upload: probe(
            {},
            {
              Parameters: {
                FunctionName: 'probe',
                Payload: { do: 'echo', 'name.$': "States.Format('{}-up', $)" },
              },
              OutputPath: '$.Payload.name',
            },
          ),
        }),
      },
    });
    await using lab = await StatesLab.open({ machine });
    const works = new Works();
    works.watch(lab);
    works.refused.add('b-up');
    const { executionArn = '', status } = await lab.run('machine', ['a', 'b', 'c']);
    expect(status).toBe('FAILED');
    expect(works.calls).toEqual(['a', 'a-up', 'b', 'b-up']);
    works.refused.clear();
    works.calls.splice(0);
    await redrive(lab, executionArn);
    expect(await lab.result(executionArn)).toMatchObject({
      status: 'SUCCEEDED',
      output: ['a-up', 'b-up', 'c-up'],
    });
    expect(works.calls).toEqual(['b-up', 'c', 'c-up']);
  });

  it('goes on in the branches of a Parallel state that failed or were aborted, and keeps the others', async () => {
    const machine = row({
      Both: {
        Type: 'Parallel',
        Branches: [
          row({ Done: work('done') }),
          row({ Before: work('before'), Pause: { Type: 'Wait', Seconds: 100 }, After: work('after') }),
          row({ Delay: { Type: 'Wait', Seconds: 10 }, Fails: work('fails') }),
        ],
      },
    });
    await using lab = await StatesLab.open({ machine });
    const works = new Works();
    works.watch(lab);
    works.refused.add('fails');
    const { executionArn = '' } = await lab.run('machine', { id: 1 });
    expect(works.calls.toSorted()).toEqual(['before', 'done', 'fails']);
    works.refused.clear();
    works.calls.splice(0);
    await redrive(lab, executionArn);
    expect(await lab.result(executionArn)).toMatchObject({
      status: 'SUCCEEDED',
      output: [{ id: 1 }, { id: 1 }, { id: 1 }],
    });
    expect(works.calls.toSorted()).toEqual(['after', 'fails']);
  });

  it('takes up what was stopped by hand, and what ran out of time', async () => {
    const machine = {
      ...row({ Work: work('work'), Wait: { Type: 'Wait', Seconds: 100 } }),
      TimeoutSeconds: 150,
    };
    await using lab = await StatesLab.open({ machine });
    const works = new Works();
    works.watch(lab);
    const executionArn = await lab.start('machine');
    await lab.pass(60);
    await lab.client.send(new StopExecutionCommand({ executionArn, error: 'Stopped', cause: 'by hand' }));
    expect(await lab.result(executionArn)).toMatchObject({
      status: 'ABORTED',
      error: 'Stopped',
      cause: 'by hand',
    });
    // The whole wait again, and the machine's time-out counts from the redrive on.
    await lab.pass(3600);
    await redrive(lab, executionArn);
    expect(await lab.result(executionArn)).toMatchObject({ status: 'SUCCEEDED' });
    expect(works.calls).toEqual(['work']);
  });

  it('tries at once what was stopped while it waited for its next attempt', async () => {
    const Retry = [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 1000 }];
    await using lab = await StatesLab.open({ machine: row({ Work: work('only', { Retry }) }) });
    const works = new Works();
    works.watch(lab);
    works.refused.add('only');
    const executionArn = await lab.start('machine');
    await lab.pass(60);
    await lab.client.send(new StopExecutionCommand({ executionArn }));
    expect((await lab.types(executionArn)).slice(-2)).toEqual(['TaskStateAborted', 'ExecutionAborted']);
    works.refused.clear();
    await lab.client.send(new RedriveExecutionCommand({ executionArn }));
    await lab.settle();
    expect((await lab.result(executionArn)).status).toBe('SUCCEEDED');
    expect(works.calls).toEqual(['only', 'only']);
  });

  it('is refused fourteen days after the end', async () => {
    await using lab = await StatesLab.open({ machine: row({ Fail: { Type: 'Fail', Error: 'Mine' } }) });
    const { executionArn = '' } = await lab.run('machine');
    await lab.pass(14 * DAY - 60);
    expect((await lab.result(executionArn)).redriveStatus).toBe('REDRIVABLE');
    await lab.pass(120);
    expect(await lab.result(executionArn)).toMatchObject({
      redriveStatus: 'NOT_REDRIVABLE',
      redriveStatusReason: 'Execution redrivable period exceeded',
    });
    await expect(redrive(lab, executionArn)).rejects.toMatchObject({ name: 'ExecutionNotRedrivable' });
  });

  it('is refused for what runs and for what succeeded, and does nothing twice for one client token', async () => {
    const machines = {
      waits: row({ Wait: { Type: 'Wait', Seconds: 100 } }),
      fails: row({ Fail: { Type: 'Fail', Error: 'Mine' } }),
    };
    await using lab = await StatesLab.open(machines);
    const waiting = await lab.start('waits');
    await lab.settle();
    const command = new RedriveExecutionCommand({ executionArn: waiting });
    await expect(lab.client.send(command)).rejects.toMatchObject({ name: 'ExecutionNotRedrivable' });
    await lab.drain();
    expect((await lab.result(waiting)).status).toBe('SUCCEEDED');
    await expect(lab.client.send(command)).rejects.toMatchObject({ name: 'ExecutionNotRedrivable' });
    const { executionArn = '' } = await lab.run('fails');
    const first = await redrive(lab, executionArn, 'token');
    const second = await redrive(lab, executionArn, 'token');
    expect(second.redriveDate).toEqual(first.redriveDate);
    expect((await lab.result(executionArn)).redriveCount).toBe(1);
  });

  it('runs the definition that the execution was started with', async () => {
    await using lab = await StatesLab.open({ machine: row({ Work: work('old') }) });
    const works = new Works();
    works.watch(lab);
    works.refused.add('old');
    const { executionArn = '' } = await lab.run('machine');
    lab.cloud.states.putMachine(
      'machine',
      JSON.stringify(row({ Work: work('new') })),
      'arn:aws:iam::000000000000:role/machine',
    );
    works.refused.clear();
    await redrive(lab, executionArn);
    await lab.run('machine');
    expect(works.calls).toEqual(['old', 'old', 'new']);
  });
});
