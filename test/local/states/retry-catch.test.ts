import { describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/kernel/errors.ts';
import { probe, row, StatesLab } from './states-lab.ts';

const RETRY = { ErrorEquals: ['States.ALL'], IntervalSeconds: 10, BackoffRate: 2, MaxAttempts: 3 };

/** Seconds from each failure of the only task to its next attempt. */
async function pauses(lab: StatesLab, executionArn: string): Promise<number[]> {
  const events = await lab.history(executionArn);
  return events.flatMap(({ type, timestamp }, index) => {
    const before = events[index - 1];
    if (type !== 'TaskScheduled' || before?.type !== 'TaskFailed') return [];
    return [((timestamp?.getTime() ?? 0) - (before.timestamp?.getTime() ?? 0)) / 1000];
  });
}

/** Lets the first invocations fail in Lambda's own name. */
function failing(lab: StatesLab, times: number, error = new AwsError('ServiceException', 'down', 500)): void {
  let left = times;
  lab.cloud.states.intercept = () => {
    if (left-- > 0) throw error;
  };
}

describe('Retry', () => {
  it('tries again after the interval, each time later by the rate, and no more often than it says', async () => {
    await using lab = await StatesLab.open({
      machine: row({ Work: probe({ do: 'fail' }, { Retry: [RETRY] }) }),
    });
    const result = await lab.run('machine');
    expect(result).toMatchObject({
      status: 'FAILED',
      error: 'TypeError',
      cause: expect.stringContaining('"errorMessage":"as asked"'),
    });
    const found = await pauses(lab, result.executionArn ?? '');
    expect(found.map(Math.round)).toEqual([10, 20, 40]);
  });

  it('waits no longer than MaxDelaySeconds', async () => {
    const machine = row({ Work: probe({ do: 'fail' }, { Retry: [{ ...RETRY, MaxDelaySeconds: 15 }] }) });
    await using lab = await StatesLab.open({ machine });
    const { executionArn = '' } = await lab.run('machine');
    expect((await pauses(lab, executionArn)).map(Math.round)).toEqual([10, 15, 15]);
  });

  it('with full jitter waits a random share of the delay, the same from the same seed', async () => {
    const machine = row({ Work: probe({ do: 'fail' }, { Retry: [{ ...RETRY, JitterStrategy: 'FULL' }] }) });
    const runs: number[][] = [];
    for (const seed of [7, 7, 8]) {
      await using lab = await StatesLab.open({ machine }, { seed });
      const { executionArn = '' } = await lab.run('machine');
      runs.push((await pauses(lab, executionArn)).map(Math.round));
    }
    const [first = [], again, other] = runs;
    for (const [index, pause] of first.entries()) expect(pause).toBeLessThanOrEqual(10 * 2 ** index + 1);
    expect(first).toEqual(again);
    expect(first).not.toEqual(other);
  });

  it('counts the attempts of each of its retriers by itself, and tells how many in the context', async () => {
    const machine = row({
      Work: probe(
        {},
        {
          Parameters: { FunctionName: 'probe', Payload: { do: 'echo', 'retries.$': '$$.State.RetryCount' } },
          Retry: [{ ErrorEquals: ['Lambda.ServiceException'], MaxAttempts: 2 }, RETRY],
          OutputPath: '$.Payload.retries',
        },
      ),
    });
    await using lab = await StatesLab.open({ machine });
    let call = 0;
    const errors = ['ServiceException', 'TooManyRequestsException', 'ServiceException'];
    lab.cloud.states.intercept = () => {
      const code = errors[call++];
      if (code) throw new AwsError(code, 'no', 500);
    };
    expect(await lab.run('machine')).toMatchObject({ status: 'SUCCEEDED', output: 3 });
  });

  it('recovers from errors of Lambda itself by their names', async () => {
    const named = { ...RETRY, ErrorEquals: ['Lambda.ServiceException'] };
    await using lab = await StatesLab.open({ machine: row({ Work: probe({}, { Retry: [named] }) }) });
    failing(lab, 2);
    expect(await lab.run('machine')).toMatchObject({ status: 'SUCCEEDED' });
    failing(lab, 1, new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429));
    expect(await lab.run('machine')).toMatchObject({
      status: 'FAILED',
      error: 'Lambda.TooManyRequestsException',
    });
  });

  it('does not retry States.Runtime', async () => {
    const machine = row({
      Work: probe({}, { Parameters: { FunctionName: 'probe', 'Payload.$': '$.missing' }, Retry: [RETRY] }),
    });
    await using lab = await StatesLab.open({ machine });
    expect(await lab.run('machine')).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
  });
});

describe('Catch', () => {
  const caught = (ErrorEquals: string[], fields: object = {}) => ({
    StartAt: 'Work',
    States: {
      Work: probe(
        { do: 'fail' },
        { End: undefined, Next: 'Good', Catch: [{ ErrorEquals, Next: 'Bad', ...fields }] },
      ),
      Good: { Type: 'Succeed' },
      Bad: { Type: 'Pass', End: true },
    },
  });

  it('goes on elsewhere with the error and its cause, in place of the input or beside it', async () => {
    const errorOutput = { Error: 'TypeError', Cause: expect.stringContaining('as asked') };
    await using replaced = await StatesLab.open({ machine: caught(['States.ALL']) });
    expect((await replaced.run('machine', { id: 1 })).output).toEqual(errorOutput);
    await using beside = await StatesLab.open({ machine: caught(['TypeError'], { ResultPath: '$.error' }) });
    expect((await beside.run('machine', { id: 1 })).output).toEqual({ id: 1, error: errorOutput });
  });

  it('takes States.TaskFailed for any error but a time-out', async () => {
    await using lab = await StatesLab.open({ machine: caught(['States.TaskFailed']) });
    expect((await lab.run('machine')).status).toBe('SUCCEEDED');
  });

  it('leaves alone what it does not name', async () => {
    await using lab = await StatesLab.open({ machine: caught(['States.Timeout', 'Other']) });
    expect(await lab.run('machine')).toMatchObject({ status: 'FAILED', error: 'TypeError' });
  });

  it('comes after the retries', async () => {
    const machine = caught(['States.ALL']);
    Object.assign(machine.States.Work, { Retry: [RETRY] });
    await using lab = await StatesLab.open({ machine });
    const { executionArn = '', status } = await lab.run('machine');
    expect(status).toBe('SUCCEEDED');
    expect(await pauses(lab, executionArn)).toHaveLength(3);
  });
});

describe('a function that fails', () => {
  it.each([
    ['exit', 'Runtime.ExitError'],
    ['reject', 'Runtime.UnhandledPromiseRejection'],
    ['fail', 'TypeError'],
  ])('by %s fails its task with the error %s', async (way, error) => {
    await using lab = await StatesLab.open({ machine: row({ Work: probe({ do: way, code: 1 }) }) });
    expect(await lab.run('machine')).toMatchObject({ status: 'FAILED', error });
  });

  it('may be killed in the middle, and is called again where Retry says so', async () => {
    const machine = row({ Work: probe({ do: 'sleep', ms: 1500 }, { Retry: [RETRY] }) });
    await using lab = await StatesLab.open({ machine });
    const executionArn = await lab.start('machine');
    await lab.untilWorking();
    await lab.cloud.lambda.killEnvironments('probe');
    await lab.drain();
    expect((await lab.result(executionArn)).status).toBe('SUCCEEDED');
    const failed = (await lab.history(executionArn)).find(({ type }) => type === 'TaskFailed');
    expect(failed?.taskFailedEventDetails).toMatchObject({
      resourceType: 'lambda',
      error: 'Runtime.ExitError',
    });
  });
});
