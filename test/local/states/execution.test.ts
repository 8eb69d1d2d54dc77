import { describe, expect, it } from 'vitest';
import { probe, row, StatesLab } from './states-lab.ts';

describe('an execution', () => {
  it('hands the output of each state to the next, and ends with that of the last', async () => {
    const machine = row({
      First: { Type: 'Pass', Result: { a: 1 }, ResultPath: '$.first' },
      Second: probe({ do: 'echo', b: 2 }, { OutputPath: '$.Payload' }),
    });
    await using lab = await StatesLab.open({ machine });
    expect(await lab.run('machine', { given: true })).toMatchObject({
      status: 'SUCCEEDED',
      output: { do: 'echo', b: 2 },
    });
  });

  it('writes a history of events with ids, each naming the one that it follows', async () => {
    const machine = row({
      Work: probe({ do: 'echo' }),
      Wait: { Type: 'Wait', Seconds: 5 },
      Done: { Type: 'Succeed' },
    });
    await using lab = await StatesLab.open({ machine });
    const { executionArn = '', seconds } = await lab.run('machine');
    const events = await lab.history(executionArn);
    expect(events.map(({ type }) => type)).toEqual([
      'ExecutionStarted',
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
      'TaskSucceeded',
      'TaskStateExited',
      'WaitStateEntered',
      'WaitStateExited',
      'SucceedStateEntered',
      'SucceedStateExited',
      'ExecutionSucceeded',
    ]);
    expect(events.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(events.map(({ previousEventId }) => previousEventId)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(seconds).toBeCloseTo(5, -1);
  });
});
