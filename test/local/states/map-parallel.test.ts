import { describe, expect, it } from 'vitest';
import { probe, row, StatesLab } from './states-lab.ts';

const each = (processor: object, fields: object = {}) =>
  row({
    Each: { Type: 'Map', ItemProcessor: { ProcessorConfig: { Mode: 'INLINE' }, ...processor }, ...fields },
  });

/** Fails for the item `bad`, answers any other. */
const checked = {
  StartAt: 'Check',
  States: {
    Check: {
      Type: 'Choice',
      Choices: [{ Variable: '$', StringEquals: 'bad', Next: 'Refuse' }],
      Default: 'Accept',
    },
    Refuse: { Type: 'Fail', Error: 'Corrupt', Cause: 'as asked' },
    Accept: { Type: 'Pass', End: true },
  },
};

describe('a Map state', () => {
  it('runs its processor for each item, and ends with the results in the order of the items', async () => {
    const machine = each(
      row({
        Work: probe(
          {},
          {
            Parameters: { FunctionName: 'probe', 'Payload.$': '$' },
            ResultSelector: { 'n.$': '$.Payload.n', 'index.$': '$$.Map.Item.Index' },
          },
        ),
      }),
      { ItemsPath: '$.list', ItemSelector: { do: 'echo', 'n.$': '$$.Map.Item.Value', 'all.$': '$.name' } },
    );
    await using lab = await StatesLab.open({ machine });
    const { output } = await lab.run('machine', { name: 'all', list: ['a', 'b', 'c'] });
    expect(output).toEqual([
      { n: 'a', index: 0 },
      { n: 'b', index: 1 },
      { n: 'c', index: 2 },
    ]);
  });

  it('runs no more iterations at a time than MaxConcurrency', async () => {
    const machine = each(row({ Wait: { Type: 'Wait', Seconds: 10 } }), { MaxConcurrency: 2 });
    await using lab = await StatesLab.open({ machine });
    expect((await lab.run('machine', [1, 2, 3, 4, 5])).seconds).toBeCloseTo(30, -1);
  });

  it('runs at most forty at a time where it sets no limit', async () => {
    await using lab = await StatesLab.open({ machine: each(row({ Wait: { Type: 'Wait', Seconds: 10 } })) });
    const items = (count: number) => Array.from({ length: count }, (_, index) => index);
    expect((await lab.run('machine', items(40))).seconds).toBeCloseTo(10, -1);
    expect((await lab.run('machine', items(41))).seconds).toBeCloseTo(20, -1);
  });

  it('over no items ends with an empty list', async () => {
    await using lab = await StatesLab.open({ machine: each(checked) });
    expect((await lab.run('machine', [])).output).toEqual([]);
  });

  it('over what is no list fails', async () => {
    await using lab = await StatesLab.open({ machine: each(checked) });
    expect(await lab.run('machine', { a: 1 })).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
  });

  it('fails with the first iteration that fails, and stops the others', async () => {
    const machine = each({
      StartAt: 'Check',
      States: { ...checked.States, Accept: { Type: 'Wait', Seconds: 60, End: true } },
    });
    await using lab = await StatesLab.open({ machine });
    const { executionArn = '', ...result } = await lab.run('machine', ['good', 'bad', 'good']);
    expect(result).toMatchObject({ status: 'FAILED', error: 'Corrupt', cause: 'as asked' });
    expect(result.seconds).toBeCloseTo(0, -1);
    const types = await lab.types(executionArn);
    expect(types.slice(types.indexOf('MapIterationFailed'))).toEqual([
      'MapIterationFailed',
      'WaitStateAborted',
      'MapIterationAborted',
      'MapIterationAborted',
      'MapStateFailed',
      'ExecutionFailed',
    ]);
  });

  it('loses no item where its processor catches, and tells which one failed', async () => {
    const machine = each({
      StartAt: 'Work',
      States: {
        Work: probe(
          {},
          {
            End: undefined,
            Next: 'Done',
            Parameters: { FunctionName: 'probe', Payload: { 'do.$': '$' } },
            Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: 'Reported' }],
          },
        ),
        Done: { Type: 'Pass', Result: 'done', End: true },
        Reported: { Type: 'Pass', Parameters: { 'failed.$': '$' }, End: true },
      },
    });
    await using lab = await StatesLab.open({ machine });
    const { output } = await lab.run('machine', ['echo', 'fail', 'count']);
    expect(output).toEqual(['done', { failed: 'fail' }, 'done']);
  });

  it('is retried as a whole', async () => {
    const machine = each(checked, {
      Retry: [{ ErrorEquals: ['Corrupt'], IntervalSeconds: 5, MaxAttempts: 1 }],
    });
    await using lab = await StatesLab.open({ machine });
    const { executionArn = '', seconds } = await lab.run('machine', ['good', 'bad']);
    expect(seconds).toBeCloseTo(5, -1);
    const types = await lab.types(executionArn);
    expect(types.filter((type) => type === 'MapIterationStarted')).toHaveLength(4);
  });

  it('may hold others', async () => {
    const Inner = {
      Type: 'Map',
      ItemProcessor: row({ Pass: { Type: 'Pass', Parameters: { 'inner.$': '$$.Map.Item.Value' } } }),
    };
    const machine = each(row({ Inner }));
    await using lab = await StatesLab.open({ machine });
    expect((await lab.run('machine', [[1], [2, 3]])).output).toEqual([
      [{ inner: 1 }],
      [{ inner: 2 }, { inner: 3 }],
    ]);
  });

  it.each([
    [
      'ProcessorConfig',
      { ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' }, ...checked } },
    ],
    ['ToleratedFailureCount', { ItemProcessor: checked, ToleratedFailureCount: 1 }],
  ])('of the Distributed mode (%s) is refused when it is deployed', async (_, fields) => {
    const machine = row({ Each: { Type: 'Map', ...fields } });
    await expect(StatesLab.open({ machine })).rejects.toThrow(
      /App\/Machinemachine .*DISTRIBUTED|INLINE only/,
    );
  });
});

describe('a Parallel state', () => {
  const branches = (...flows: object[]) => ({ Type: 'Parallel', Branches: flows });

  it('hands its input to each branch, and ends with their results in the order of the branches', async () => {
    const machine = row({
      Both: branches(
        row({ Slow: { Type: 'Wait', Seconds: 5 } }),
        row({ Fast: { Type: 'Pass', Result: 'fast' } }),
      ),
    });
    await using lab = await StatesLab.open({ machine });
    const { output, executionArn = '' } = await lab.run('machine', { id: 1 });
    expect(output).toEqual([{ id: 1 }, 'fast']);
    const types = await lab.types(executionArn);
    expect(types.slice(1, 3)).toEqual(['ParallelStateEntered', 'ParallelStateStarted']);
    expect(types.slice(-3)).toEqual(['ParallelStateSucceeded', 'ParallelStateExited', 'ExecutionSucceeded']);
  });

  it('fails with the branch that fails first, which may be caught', async () => {
    const machine = {
      StartAt: 'Both',
      States: {
        Both: {
          ...branches(
            row({ Slow: { Type: 'Wait', Seconds: 500 } }),
            row({ Fail: { Type: 'Fail', Error: 'Mine' } }),
          ),
          Catch: [{ ErrorEquals: ['Mine'], ResultPath: '$.why', Next: 'Caught' }],
          Next: 'Caught',
        },
        Caught: { Type: 'Succeed' },
      },
    };
    await using lab = await StatesLab.open({ machine });
    const result = await lab.run('machine', { id: 1 });
    expect(result).toMatchObject({
      status: 'SUCCEEDED',
      output: { id: 1, why: { Error: 'Mine', Cause: '' } },
    });
    expect(result.seconds).toBeCloseTo(0, -1);
  });

  it('fails once, whichever of its branches fail at the same time', async () => {
    const failing = (name: string) =>
      row({
        [name]: {
          Type: 'Map',
          ItemsPath: '$.items',
          ItemProcessor: row({ [`${name}Fails`]: { Type: 'Fail', Error: name } }),
        },
      });
    const machine = {
      StartAt: 'Both',
      States: {
        Both: {
          ...branches(failing('One'), failing('Other')),
          Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.why', Next: 'Caught' }],
          Next: 'Caught',
        },
        Caught: { Type: 'Pass', OutputPath: '$.why.Error', End: true },
      },
    };
    await using lab = await StatesLab.open({ machine });
    const { executionArn = '', output } = await lab.run('machine', { items: [1, 2] });
    expect(output).toBe('One');
    const types = await lab.types(executionArn);
    expect(types.filter((type) => type === 'ParallelStateFailed')).toHaveLength(1);
    expect(types.filter((type) => type === 'PassStateEntered')).toHaveLength(1);
  });
});
