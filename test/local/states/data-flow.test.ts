import { describe, expect, it } from 'vitest';
import { outcome, passed, probe, row } from './states-lab.ts';

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
      entered: expect.stringMatching(/^2030-01-01T12:0\d:\d\d\.\d{3}Z$/),
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
