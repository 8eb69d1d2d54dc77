import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  DescribeStateMachineForExecutionCommand,
  GetExecutionHistoryCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  RedriveExecutionCommand,
  StartExecutionCommand,
  StopExecutionCommand,
  UpdateStateMachineCommand,
} from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
import { ROLE_ARN, row, StatesLab } from './states-lab.ts';

const DAY = 86_400;
const waits = row({ Wait: { Type: 'Wait', Seconds: 100 } });
const ends = row({ Done: { Type: 'Succeed' } });
const fails = row({ Fail: { Type: 'Fail', Error: 'Mine' } });

describe('StartExecution', () => {
  it('with the name and the input of an execution that runs answers that one', async () => {
    await using lab = await StatesLab.open({ machine: waits });
    const command = new StartExecutionCommand({
      stateMachineArn: lab.arn('machine'),
      name: 'job-1',
      input: '{"a":1}',
    });
    const first = await lab.client.send(command);
    await lab.pass(10);
    const second = await lab.client.send(command);
    expect(first.executionArn).toBe('arn:aws:states:us-east-1:000000000000:execution:machine:job-1');
    expect(second).toMatchObject({ executionArn: first.executionArn, startDate: first.startDate });
    expect(await lab.types(first.executionArn ?? '')).toEqual(['ExecutionStarted', 'WaitStateEntered']);
  });

  it('with another input, or once it is closed, answers ExecutionAlreadyExists, for ninety days', async () => {
    await using lab = await StatesLab.open({ machine: waits });
    const executionArn = await lab.start('machine', { a: 1 }, 'job-1');
    const refused = {
      name: 'ExecutionAlreadyExists',
      message: `Execution Already Exists: '${executionArn}'`,
    };
    await expect(lab.start('machine', { a: 2 }, 'job-1')).rejects.toMatchObject(refused);
    await lab.drain();
    await expect(lab.start('machine', { a: 1 }, 'job-1')).rejects.toMatchObject(refused);
    await lab.pass(89 * DAY);
    await expect(lab.start('machine', { a: 1 }, 'job-1')).rejects.toMatchObject(refused);
    await lab.pass(2 * DAY);
    await expect(lab.result(executionArn)).rejects.toMatchObject({ name: 'ExecutionDoesNotExist' });
    expect(await lab.start('machine', { a: 2 }, 'job-1')).toBe(executionArn);
    expect((await lab.history(executionArn)).at(0)?.id).toBe(1);
  });

  it('refuses what is no name, no JSON, too much or no machine', async () => {
    await using lab = await StatesLab.open({ machine: ends });
    const start = (changes: object) =>
      lab.client.send(new StartExecutionCommand({ stateMachineArn: lab.arn('machine'), ...changes }));
    await expect(start({ name: 'a b' })).rejects.toMatchObject({ name: 'InvalidName' });
    await expect(start({ name: 'x'.repeat(81) })).rejects.toMatchObject({ name: 'InvalidName' });
    await expect(start({ input: '{' })).rejects.toMatchObject({ name: 'InvalidExecutionInput' });
    await expect(start({ input: JSON.stringify('x'.repeat(262_143)) })).rejects.toMatchObject({
      name: 'ValidationException',
    });
    await expect(start({ stateMachineArn: lab.arn('other') })).rejects.toMatchObject({
      name: 'StateMachineDoesNotExist',
    });
    await expect(start({ stateMachineArn: 'machine' })).rejects.toMatchObject({ name: 'InvalidArn' });
  });
});

describe('StopExecution', () => {
  it('aborts what runs, and leaves alone what has ended', async () => {
    await using lab = await StatesLab.open({ machine: waits });
    const executionArn = await lab.start('machine');
    await lab.settle();
    const stop = new StopExecutionCommand({ executionArn, error: 'Cancelled', cause: 'by its owner' });
    const { stopDate } = await lab.client.send(stop);
    const described = await lab.result(executionArn);
    expect(described).toMatchObject({
      status: 'ABORTED',
      error: 'Cancelled',
      cause: 'by its owner',
      stopDate,
    });
    expect((await lab.types(executionArn)).slice(-2)).toEqual(['WaitStateAborted', 'ExecutionAborted']);
    expect(lab.cloud.nextEventMs()).toBeUndefined();
    await lab.pass(10);
    expect(await lab.client.send(stop)).toMatchObject({ stopDate });
  });
});

describe('an execution', () => {
  it('times out after the TimeoutSeconds of its machine', async () => {
    await using lab = await StatesLab.open({ machine: { ...waits, TimeoutSeconds: 60 } });
    const { status, seconds, executionArn = '' } = await lab.run('machine');
    expect(status).toBe('TIMED_OUT');
    expect(seconds).toBeCloseTo(60, -1);
    expect((await lab.types(executionArn)).at(-1)).toBe('ExecutionTimedOut');
  });

  it.each([
    ['at once', { Type: 'Pass', Next: 'P0' }, 0],
    // So many states that the one event too many is the end of a wait, which time brings about.
    ['after waits', { Type: 'Wait', Seconds: 1, Next: 'P0' }, 7],
  ])(
    'that goes in a circle %s fails when its history would have more than 25,000 events',
    async (_, again, before) => {
      const passes = (prefix: string, count: number, Next: string) =>
        Object.fromEntries(
          Array.from({ length: count }, (__, index) => [
            `${prefix}${index}`,
            { Type: 'Pass', Next: index === count - 1 ? Next : `${prefix}${index + 1}` },
          ]),
        );
      const circle = {
        Again: again,
        ...passes('P', 8, 'Whether'),
        Whether: {
          Type: 'Choice',
          Choices: [{ Variable: '$', NumericEquals: 0, Next: 'Done' }],
          Default: 'Again',
        },
        Done: { Type: 'Succeed' },
      };
      const machine = {
        StartAt: before === 0 ? 'Each' : 'B0',
        States: {
          ...passes('B', before, 'Each'),
          Each: { Type: 'Map', ItemProcessor: { StartAt: 'Again', States: circle }, End: true },
        },
      };
      await using lab = await StatesLab.open({ machine });
      const executionArn = await lab.start('machine', [1]);
      await lab.pass(3600);
      expect(await lab.result(executionArn)).toMatchObject({
        status: 'FAILED',
        error: 'States.Runtime',
        cause: 'The execution reached the maximum number of history events (25000).',
        redriveStatusReason: 'Execution history event limit exceeded',
      });
      const last = { executionArn, reverseOrder: true, maxResults: 2 };
      const { events } = await lab.client.send(new GetExecutionHistoryCommand(last));
      expect(events?.map(({ id, type }) => [id, type])).toEqual([
        [25_000, 'ExecutionFailed'],
        [24_999, expect.any(String)],
      ]);
    },
  );
});

describe('ListExecutions', () => {
  it('tells the youngest first, by status, by whether they were redriven, and page by page', async () => {
    await using lab = await StatesLab.open({ waits, fails });
    const names: (string | undefined)[] = [];
    for (const name of ['a', 'b', 'c']) {
      const executionArn = await lab.start('fails', {}, name);
      await lab.pass(1);
      if (name === 'b') await lab.client.send(new RedriveExecutionCommand({ executionArn }));
    }
    await lab.settle();
    const list = async (filter: object) => {
      const command = new ListExecutionsCommand({ stateMachineArn: lab.arn('fails'), ...filter });
      return lab.client.send(command);
    };
    const named = async (filter: object) => (await list(filter)).executions?.map(({ name }) => name);
    expect(await named({})).toEqual(['c', 'b', 'a']);
    expect(await named({ statusFilter: 'FAILED', redriveFilter: 'REDRIVEN' })).toEqual(['b']);
    expect(await named({ redriveFilter: 'NOT_REDRIVEN' })).toEqual(['c', 'a']);
    expect(await named({ statusFilter: 'RUNNING' })).toEqual([]);
    let nextToken: string | undefined;
    do {
      const page = await list({ maxResults: 2, nextToken });
      names.push(...(page.executions ?? []).map(({ name }) => name));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    expect(names).toEqual(['c', 'b', 'a']);
  });
});

describe('GetExecutionHistory', () => {
  it('is told page by page, backwards, and without its data, as asked', async () => {
    const machine = row({ First: { Type: 'Pass', Result: { secret: 1 } }, Done: { Type: 'Succeed' } });
    await using lab = await StatesLab.open({ machine });
    const { executionArn = '' } = await lab.run('machine');
    const pages: (number | undefined)[][] = [];
    let nextToken: string | undefined;
    do {
      const page = await lab.client.send(
        new GetExecutionHistoryCommand({ executionArn, maxResults: 4, reverseOrder: true, nextToken }),
      );
      pages.push(page.events?.map(({ id }) => id) ?? []);
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    expect(pages).toEqual([
      [6, 5, 4, 3],
      [2, 1],
    ]);
    const { events = [] } = await lab.client.send(
      new GetExecutionHistoryCommand({ executionArn, includeExecutionData: false }),
    );
    expect(events[2]?.stateExitedEventDetails).toMatchObject({ name: 'First' });
    expect(JSON.stringify(events)).not.toContain('secret');
  });
});

describe('state machines', () => {
  it('of the template are listed and described, with the values that its definition takes from it', async () => {
    const substituted = '${' + 'Key}';
    const Machine = {
      Type: 'AWS::StepFunctions::StateMachine',
      Properties: {
        StateMachineName: 'joined',
        RoleArn: ROLE_ARN,
        DefinitionString: {
          'Fn::Join': [
            '',
            [
              '{"StartAt":"A","States":{"A":{"Type":"Pass","End":true,"Result":["',
              { Ref: 'Queue' },
              `","${substituted}"]}}}`,
            ],
          ],
        },
        DefinitionSubstitutions: { Key: 'value' },
        StateMachineType: 'STANDARD',
        LoggingConfiguration: { Level: 'ALL' },
        TracingConfiguration: { Enabled: true },
      },
      DependsOn: ['MachineRole'],
    };
    await using lab = await StatesLab.open({ machine: ends }, { resources: { Machine } });
    const { stateMachines } = await lab.client.send(new ListStateMachinesCommand({}));
    expect(stateMachines?.map(({ name }) => name).sort()).toEqual(['joined', 'machine']);
    expect((await lab.run('joined')).output).toEqual([lab.cloud.sqs.queueUrl('queue'), 'value']);
    const described = await lab.client.send(
      new DescribeStateMachineCommand({ stateMachineArn: lab.arn('joined') }),
    );
    expect(described).toMatchObject({
      name: 'joined',
      status: 'ACTIVE',
      type: 'STANDARD',
      roleArn: ROLE_ARN,
    });
  });

  it('are made and updated over the API; an execution keeps the definition that it runs', async () => {
    await using lab = await StatesLab.open({});
    const made = { name: 'made', definition: JSON.stringify(waits), roleArn: ROLE_ARN };
    const { stateMachineArn = '' } = await lab.client.send(new CreateStateMachineCommand(made));
    await expect(
      lab.client.send(new CreateStateMachineCommand({ ...made, definition: JSON.stringify(ends) })),
    ).rejects.toMatchObject({ name: 'StateMachineAlreadyExists' });
    const executionArn = await lab.start('made');
    await lab.client.send(
      new UpdateStateMachineCommand({ stateMachineArn, definition: JSON.stringify(ends) }),
    );
    const kept = await lab.client.send(new DescribeStateMachineForExecutionCommand({ executionArn }));
    expect(JSON.parse(kept.definition ?? '')).toEqual(waits);
    const now = await lab.client.send(new DescribeStateMachineCommand({ stateMachineArn }));
    expect(JSON.parse(now.definition ?? '')).toEqual(ends);
  });

  it.each([
    ['no JSON', '{'],
    [
      'a state that is not there',
      JSON.stringify({ StartAt: 'A', States: { A: { Type: 'Pass', Next: 'B' } } }),
    ],
    ['a field that its type does not have', JSON.stringify(row({ A: { Type: 'Pass', Retry: [] } }))],
    ['a path that is none', JSON.stringify(row({ A: { Type: 'Pass', InputPath: 'no path' } }))],
  ])('with %s are refused as InvalidDefinition', async (_, definition) => {
    await using lab = await StatesLab.open({});
    await expect(
      lab.client.send(new CreateStateMachineCommand({ name: 'bad', definition, roleArn: ROLE_ARN })),
    ).rejects.toMatchObject({ name: 'InvalidDefinition' });
  });

  it('of the type EXPRESS, and operations that it does not know, are refused by the local cloud', async () => {
    await using lab = await StatesLab.open({});
    const express = {
      name: 'x',
      definition: JSON.stringify(ends),
      roleArn: ROLE_ARN,
      type: 'EXPRESS',
    } as const;
    await expect(lab.client.send(new CreateStateMachineCommand(express))).rejects.toMatchObject({
      name: 'StateMachineTypeNotSupported',
    });
    await expect(
      lab.client.send(new DescribeExecutionCommand({ executionArn: 'nonsense' })),
    ).rejects.toMatchObject({ name: 'InvalidArn' });
  });
});
