import { describe, expect, it } from 'vitest';
import { outcome, passed, row } from './states-lab.ts';

async function intrinsic(call: string, input: unknown = {}): Promise<unknown> {
  return ((await passed({ Parameters: { 'value.$': call } }, input)) as { value: unknown }).value;
}

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
    expect((await outcome(machine)).output).toMatch(/^2030-01-01T12:0/);
  });
});
