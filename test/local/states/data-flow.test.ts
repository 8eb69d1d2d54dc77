import { describe, expect, it } from 'vitest';
import { probe, row, StatesLab } from './states-lab.ts';

/** What a machine makes of an input. */
async function outcome(definition: object, input: unknown = {}) {
  await using lab = await StatesLab.open({ machine: definition });
  return await lab.run('machine', input);
}

/** What one Pass state makes of it. */
async function passed(fields: object, input: unknown = {}): Promise<unknown> {
  return (await outcome(row({ Pass: { Type: 'Pass', ...fields } }), input)).output;
}

async function intrinsic(call: string, input: unknown = {}): Promise<unknown> {
  return ((await passed({ Parameters: { 'value.$': call } }, input)) as { value: unknown }).value;
}

describe('the data of a state', () => {
  it('is chosen by InputPath, placed by ResultPath and cut by OutputPath', async () => {
    const input = { order: { id: 7 }, other: true };
    expect(await passed({ InputPath: '$.order', ResultPath: '$.copy' }, input)).toEqual({
      ...input,
      copy: { id: 7 },
    });
    expect(await passed({ OutputPath: '$.order' }, input)).toEqual({ id: 7 });
    expect(await passed({ Result: 1, ResultPath: null }, input)).toEqual(input);
    expect(await passed({ InputPath: null })).toEqual({});
    expect(await passed({ Result: 1, ResultPath: '$.a.b.c' }, { a: { x: 0 } })).toEqual({
      a: { x: 0, b: { c: 1 } },
    });
  });

  it('goes through Parameters and ResultSelector of a task', async () => {
    const machine = row({
      Work: probe(
        {},
        {
          Parameters: {
            FunctionName: 'probe',
            Payload: { do: 'echo', 'id.$': '$.orders[0].id', 'ids.$': '$.orders[*].id' },
          },
          ResultSelector: { 'ids.$': '$.Payload.ids', 'status.$': '$.StatusCode' },
          ResultPath: '$.result',
        },
      ),
    });
    const input = { orders: [{ id: 'a' }, { id: 'b' }] };
    expect((await outcome(machine, input)).output).toEqual({
      ...input,
      result: { ids: ['a', 'b'], status: 200 },
    });
  });

  it('may be chosen by a filter', async () => {
    const input = {
      orders: [
        { id: 1, total: 5 },
        { id: 2, total: 50 },
      ],
    };
    expect(await intrinsic('$.orders[?(@.total > 10)].id', input)).toEqual([2]);
    expect(await intrinsic('$..total', input)).toEqual([5, 50]);
  });

  it('fails the execution where a path finds nothing, whatever is caught', async () => {
    const machine = row({
      Work: probe(
        {},
        {
          Parameters: { FunctionName: 'probe', 'Payload.$': '$.missing' },
          Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }],
        },
      ),
      Caught: { Type: 'Succeed' },
    });
    expect(await outcome(machine)).toMatchObject({
      status: 'FAILED',
      error: 'States.Runtime',
      cause: expect.stringContaining("The JSONPath '$.missing'"),
    });
  });

  it('over 256 KiB fails the execution with States.DataLimitExceeded', async () => {
    const machine = row({
      Double: { Type: 'Pass', Parameters: { 'text.$': "States.Format('{}{}', $.text, $.text)" } },
    });
    const within = await outcome(machine, { text: 'x'.repeat(130_000) });
    expect(within.status).toBe('SUCCEEDED');
    const beyond = await outcome(machine, { text: 'x'.repeat(140_000) });
    expect(beyond).toMatchObject({ status: 'FAILED', error: 'States.DataLimitExceeded' });
  });

  it('is what the context object tells, where $$ asks it', async () => {
    const output = await passed(
      {
        Parameters: {
          'name.$': '$$.Execution.Name',
          'machine.$': '$$.StateMachine.Name',
          'state.$': '$$.State.Name',
          'entered.$': '$$.State.EnteredTime',
          'given.$': '$$.Execution.Input.x',
          'redrives.$': '$$.Execution.RedriveCount',
        },
      },
      { x: 1 },
    );
    expect(output).toEqual({
      name: expect.stringMatching(/^[0-9a-f-]{36}$/),
      machine: 'machine',
      state: 'Pass',
      entered: expect.stringMatching(/^2030-01-01T12:00:00\.\d{3}Z$/),
      given: 1,
      redrives: 0,
    });
  });

  it('is kept in variables by Assign, and read in later states', async () => {
    const machine = row({
      Keep: { Type: 'Pass', Assign: { 'order.$': '$.id' } },
      Forget: { Type: 'Pass', Result: {} },
      Read: { Type: 'Pass', Parameters: { 'id.$': '$order' } },
    });
    expect((await outcome(machine, { id: 'o-1' })).output).toEqual({ id: 'o-1' });
  });
});

describe('the intrinsic functions', () => {
  it.each<[string, unknown]>([
    ["States.Format('Job {} of {}: \\'{}\\' \\{\\}', $.n, $.list, $.name)", "Job 2 of [1,2,2]: 'kim' {}"],
    ['States.Array($.n, $.name, 15, true, null)', [2, 'kim', 15, true, null]],
    ['States.ArrayPartition($.list, 2)', [[1, 2], [2]]],
    ['States.ArrayContains($.list, 2)', true],
    ['States.ArrayRange(1, 9, 2)', [1, 3, 5, 7, 9]],
    ['States.ArrayGetItem($.list, 1)', 2],
    ['States.ArrayLength($.list)', 3],
    ['States.ArrayUnique($.list)', [1, 2]],
    ["States.Base64Encode('hello')", 'aGVsbG8='],
    ["States.Base64Decode('aGVsbG8=')", 'hello'],
    ["States.Hash('hello', 'SHA-1')", 'aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d'],
    ['States.JsonMerge($.one, $.other, false)', { a: 1, b: 3 }],
    ['States.JsonToString($.one)', '{"a":1,"b":2}'],
    ['States.StringToJson(\'{"a":1}\')', { a: 1 }],
    ["States.StringSplit('a,b+c', ',+')", ['a', 'b', 'c']],
    ['States.MathAdd($.n, -5)', -3],
    ["States.ArrayGetItem(States.StringSplit('x/y', '/'), 1)", 'y'],
  ])('%s answers %j', async (call, answer) => {
    const input = { n: 2, name: 'kim', list: [1, 2, 2], one: { a: 1, b: 2 }, other: { b: 3 } };
    expect(await intrinsic(call, input)).toEqual(answer);
  });

  it('that are left to chance answer within their bounds', async () => {
    expect(await intrinsic('States.MathRandom(5, 7)')).toSatisfy((n: number) => n === 5 || n === 6);
    expect(await intrinsic('States.UUID()')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  });

  it('fail the state with States.IntrinsicFailure', async () => {
    const machine = row({ Pass: { Type: 'Pass', Parameters: { 'x.$': "States.StringToJson('{')" } } });
    expect(await outcome(machine)).toMatchObject({ status: 'FAILED', error: 'States.IntrinsicFailure' });
  });
});

describe('a machine in JSONata', () => {
  it('computes arguments, output and variables', async () => {
    const machine = {
      QueryLanguage: 'JSONata',
      ...row({
        Work: {
          Type: 'Task',
          Resource: 'arn:aws:states:::lambda:invoke',
          Arguments: {
            FunctionName: 'probe',
            Payload: { do: 'echo', total: '{% $sum($states.input.orders.total) %}' },
          },
          Output: '{% $states.result.Payload %}',
          Assign: { count: '{% $count($states.input.orders) %}' },
        },
        Report: {
          Type: 'Pass',
          Output: {
            text: "{% $string($count) & ' orders: ' & $string($states.input.total) %}",
            state: '{% $states.context.State.Name %}',
          },
        },
      }),
    };
    const { output } = await outcome(machine, { orders: [{ total: 1.5 }, { total: 2 }] });
    expect(output).toEqual({ text: '2 orders: 3.5', state: 'Report' });
  });

  it('chooses by conditions, and maps over what an expression answers', async () => {
    const machine = {
      QueryLanguage: 'JSONata',
      StartAt: 'Which',
      States: {
        Which: {
          Type: 'Choice',
          Choices: [{ Condition: '{% $count($states.input.list) > 1 %}', Next: 'Each' }],
          Default: 'None',
        },
        None: { Type: 'Succeed', Output: "{% 'none' %}" },
        Each: {
          Type: 'Map',
          Items: '{% $states.input.list[$ > 1] %}',
          ItemSelector: {
            n: '{% $states.context.Map.Item.Value %}',
            index: '{% $states.context.Map.Item.Index %}',
          },
          ItemProcessor: row({
            Double: { Type: 'Pass', Output: '{% $states.input.n * 2 + $states.input.index %}' },
          }),
          End: true,
        },
      },
    };
    expect((await outcome(machine, { list: [1, 2, 3] })).output).toEqual([4, 7]);
    expect((await outcome(machine, { list: [1] })).output).toBe('none');
  });

  it('fails with States.QueryEvaluationError where an expression fails or answers nothing', async () => {
    const machine = (Output: string) => ({
      QueryLanguage: 'JSONata',
      ...row({ Pass: { Type: 'Pass', Output } }),
    });
    for (const expression of ['{% $states.input.missing %}', "{% 1 + 'a' %}"])
      expect(await outcome(machine(expression))).toMatchObject({
        status: 'FAILED',
        error: 'States.QueryEvaluationError',
      });
  });

  it('reads the time of the cloud, not of this machine', async () => {
    const machine = { QueryLanguage: 'JSONata', ...row({ Pass: { Type: 'Pass', Output: '{% $now() %}' } }) };
    expect((await outcome(machine)).output).toMatch(/^2030-01-01T12:00/);
  });
});

describe('a Choice state', () => {
  const choice = (test: object) => ({
    StartAt: 'Choice',
    States: {
      Choice: { Type: 'Choice', Choices: [{ ...test, Next: 'Yes' }], Default: 'No' },
      Yes: { Type: 'Pass', Result: true, End: true },
      No: { Type: 'Pass', Result: false, End: true },
    },
  });
  const input = { n: 5, m: 7, s: 'pear', t: '2030-01-01T00:00:00Z', b: true, nothing: null };

  it.each<[object, boolean]>([
    [{ Variable: '$.n', NumericEquals: 5 }, true],
    [{ Variable: '$.n', NumericLessThan: 5 }, false],
    [{ Variable: '$.n', NumericGreaterThanEquals: 5 }, true],
    [{ Variable: '$.n', NumericLessThanPath: '$.m' }, true],
    [{ Variable: '$.s', NumericEquals: 5 }, false],
    [{ Variable: '$.s', StringEquals: 'pear' }, true],
    [{ Variable: '$.s', StringGreaterThan: 'apple' }, true],
    [{ Variable: '$.s', StringMatches: 'p*r' }, true],
    [{ Variable: '$.s', StringMatches: 'p\\*r' }, false],
    [{ Variable: '$.t', TimestampLessThan: '2030-01-01T01:00:00+00:30' }, true],
    [{ Variable: '$.b', BooleanEquals: true }, true],
    [{ Variable: '$.nothing', IsNull: true }, true],
    [{ Variable: '$.missing', IsPresent: false }, true],
    [{ Variable: '$.t', IsTimestamp: true }, true],
    [{ Variable: '$.s', IsNumeric: false }, true],
    [{ Variable: '$.s', IsString: true }, true],
    [{ Variable: '$.s', IsBoolean: true }, false],
    [{ Not: { Variable: '$.n', NumericEquals: 5 } }, false],
    [
      {
        And: [
          { Variable: '$.missing', IsPresent: true },
          { Variable: '$.missing', NumericEquals: 1 },
        ],
      },
      false,
    ],
    [
      {
        Or: [
          { Variable: '$.n', NumericEquals: 1 },
          { Variable: '$.m', NumericEquals: 7 },
        ],
      },
      true,
    ],
  ])('finds that %j is %s', async (test, holds) => {
    expect((await outcome(choice(test), input)).output).toBe(holds);
  });

  it('fails with States.NoChoiceMatched where nothing matches and there is no Default', async () => {
    const machine = {
      StartAt: 'Choice',
      States: {
        Choice: { Type: 'Choice', Choices: [{ Variable: '$.n', NumericEquals: 1, Next: 'Yes' }] },
        Yes: { Type: 'Succeed' },
      },
    };
    expect(await outcome(machine, { n: 2 })).toMatchObject({
      status: 'FAILED',
      error: 'States.NoChoiceMatched',
    });
  });
});

describe('Wait and Fail states', () => {
  it('wait for seconds, for a time, and for what a path says', async () => {
    const wait = (fields: object) => row({ Wait: { Type: 'Wait', ...fields } });
    expect((await outcome(wait({ Seconds: 90 }))).seconds).toBeCloseTo(90, 0);
    expect((await outcome(wait({ SecondsPath: '$.s' }), { s: 3600 })).seconds).toBeCloseTo(3600, 0);
    expect((await outcome(wait({ Timestamp: '2030-01-01T12:30:00Z' }))).seconds).toBeCloseTo(1800, 0);
    expect(
      (await outcome(wait({ TimestampPath: '$.t' }), { t: '2020-01-01T00:00:00Z' })).seconds,
    ).toBeCloseTo(0, 0);
  });

  it('fail with the error and the cause that they name, or that a path finds', async () => {
    expect(await outcome(row({ Fail: { Type: 'Fail', Error: 'Mine', Cause: 'because' } }))).toMatchObject({
      status: 'FAILED',
      error: 'Mine',
      cause: 'because',
    });
    const byPath = row({
      Fail: { Type: 'Fail', ErrorPath: '$.e', CausePath: "States.Format('{} of it', $.c)" },
    });
    expect(await outcome(byPath, { e: 'Theirs', c: 'because' })).toMatchObject({
      error: 'Theirs',
      cause: 'because of it',
    });
  });
});
