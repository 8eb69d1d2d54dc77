import {
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
} from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
import { FUNCTION_ARN, probe, row, StatesLab } from './states-lab.ts';

const QUEUE_URL = { QueueUrl: 'http://localhost/000000000000/queue' };
/** Sends its token to the queue, and waits for an answer. */
const asking = (fields: object = {}) => ({
  Type: 'Task',
  Resource: 'arn:aws:states:::sqs:sendMessage.waitForTaskToken',
  Parameters: { ...QUEUE_URL, MessageBody: { 'token.$': '$$.Task.Token', 'id.$': '$.id' } },
  ...fields,
});
const MAY_SEND = { actions: ['sqs:SendMessage', 'lambda:InvokeFunction'] };

async function received(lab: StatesLab) {
  const [message] = await lab.cloud.sqs.receive(lab.cloud.sqs.arnOf('queue'));
  return JSON.parse(message?.body ?? '{}') as { token: string; id: string };
}

describe('a task that waits for its token', () => {
  it('ends with what SendTaskSuccess says', async () => {
    await using lab = await StatesLab.open({ machine: row({ Ask: asking() }) }, MAY_SEND);
    const executionArn = await lab.start('machine', { id: 'o-1' });
    await lab.settle();
    const { token, id } = await received(lab);
    expect(id).toBe('o-1');
    await lab.pass(86_400);
    expect((await lab.result(executionArn)).status).toBe('RUNNING');
    await lab.client.send(new SendTaskSuccessCommand({ taskToken: token, output: '{"approved":true}' }));
    await lab.settle();
    expect(await lab.result(executionArn)).toMatchObject({ status: 'SUCCEEDED', output: { approved: true } });
    expect(await lab.types(executionArn)).toEqual([
      'ExecutionStarted',
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
      'TaskSubmitted',
      'TaskSucceeded',
      'TaskStateExited',
      'ExecutionSucceeded',
    ]);
  });

  it('fails with what SendTaskFailure says, and may be retried with a new token', async () => {
    const machine = row({
      Ask: asking({ Retry: [{ ErrorEquals: ['Refused'], IntervalSeconds: 1, MaxAttempts: 1 }] }),
    });
    await using lab = await StatesLab.open({ machine }, MAY_SEND);
    const executionArn = await lab.start('machine', { id: 'o-1' });
    await lab.settle();
    const first = await received(lab);
    const failure = { error: 'Refused', cause: 'by hand' };
    await lab.client.send(new SendTaskFailureCommand({ taskToken: first.token, ...failure }));
    await lab.pass(2);
    const second = await received(lab);
    expect(second.token).not.toBe(first.token);
    await lab.client.send(new SendTaskFailureCommand({ taskToken: second.token, ...failure }));
    await lab.settle();
    expect(await lab.result(executionArn)).toMatchObject({ status: 'FAILED', ...failure });
  });

  it('answers TaskTimedOut to whoever comes a second time, and InvalidToken to a token of nobody', async () => {
    await using lab = await StatesLab.open({ machine: row({ Ask: asking() }) }, MAY_SEND);
    await lab.start('machine', { id: 'o-1' });
    await lab.settle();
    const { token } = await received(lab);
    const success = new SendTaskSuccessCommand({ taskToken: token, output: '1' });
    await lab.client.send(success);
    await expect(lab.client.send(success)).rejects.toMatchObject({ name: 'TaskTimedOut' });
    await expect(lab.client.send(new SendTaskHeartbeatCommand({ taskToken: 'mine' }))).rejects.toMatchObject({
      name: 'InvalidToken',
    });
  });

  it('times out without heartbeats, and lives as long as they come', async () => {
    await using lab = await StatesLab.open(
      { machine: row({ Ask: asking({ HeartbeatSeconds: 10 }) }) },
      MAY_SEND,
    );
    const executionArn = await lab.start('machine', { id: 'o-1' });
    await lab.settle();
    const { token: taskToken } = await received(lab);
    for (let beat = 0; beat < 3; beat++) {
      await lab.pass(8);
      await lab.client.send(new SendTaskHeartbeatCommand({ taskToken }));
    }
    expect((await lab.result(executionArn)).status).toBe('RUNNING');
    await lab.pass(11);
    expect(await lab.result(executionArn)).toMatchObject({
      status: 'FAILED',
      error: 'States.HeartbeatTimeout',
    });
  });

  it('of a function goes on waiting when the function has returned', async () => {
    const machine = row({
      Ask: probe(
        {},
        {
          Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
          Parameters: { FunctionName: 'probe', Payload: { do: 'echo', 'token.$': '$$.Task.Token' } },
          TimeoutSeconds: 60,
        },
      ),
    });
    await using lab = await StatesLab.open({ machine });
    const executionArn = await lab.start('machine');
    await lab.settle();
    const submitted = (await lab.history(executionArn)).find(({ type }) => type === 'TaskSubmitted');
    const { Payload } = JSON.parse(submitted?.taskSubmittedEventDetails?.output ?? '{}');
    await lab.client.send(new SendTaskSuccessCommand({ taskToken: Payload.token, output: '"by token"' }));
    await lab.settle();
    expect((await lab.result(executionArn)).output).toBe('by token');
  });
});

describe('a task that takes too long', () => {
  it('fails with States.Timeout after TimeoutSeconds, or those that a path finds', async () => {
    const machines = {
      fixed: row({ Ask: asking({ TimeoutSeconds: 30 }) }),
      byPath: row({ Ask: asking({ TimeoutSecondsPath: '$.seconds' }) }),
    };
    await using lab = await StatesLab.open(machines, MAY_SEND);
    for (const [machine, seconds] of [
      ['fixed', 30],
      ['byPath', 90],
    ] as const) {
      const result = await lab.run(machine, { id: '1', seconds: 90 });
      expect(result).toMatchObject({ status: 'FAILED', error: 'States.Timeout' });
      expect(result.seconds).toBeCloseTo(seconds, -1);
      expect(await lab.types(result.executionArn ?? '')).toContain('TaskTimedOut');
    }
  });

  it('changes nothing any more by its late result', async () => {
    const machine = {
      StartAt: 'Work',
      States: {
        Work: probe(
          { do: 'sleep', ms: 1500 },
          {
            End: undefined,
            Next: 'Good',
            TimeoutSeconds: 1,
            Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'Late' }],
          },
        ),
        Good: { Type: 'Pass', Result: 'good', End: true },
        Late: { Type: 'Wait', Seconds: 60, End: true },
      },
    };
    await using lab = await StatesLab.open({ machine });
    const executionArn = await lab.start('machine');
    await lab.untilWorking();
    // Time jumps over the running invocation, as it would were the machine slow.
    await lab.cloud.clock.advance(1000);
    await lab.settle();
    expect((await lab.result(executionArn)).status).toBe('RUNNING');
    await lab.drain();
    expect(await lab.result(executionArn)).toMatchObject({
      status: 'SUCCEEDED',
      output: { Error: 'States.Timeout', Cause: '' },
    });
    expect(await lab.types(executionArn)).not.toContain('TaskSucceeded');
  });

  it('fails by the time-out of its function with Sandbox.Timedout', async () => {
    await using lab = await StatesLab.open({ machine: row({ Work: probe({ do: 'sleep', ms: 60_000 }) }) });
    const executionArn = await lab.start('machine');
    await lab.untilWorking();
    await lab.cloud.clock.advance(61_000);
    await lab.settle();
    expect(await lab.result(executionArn)).toMatchObject({ status: 'FAILED', error: 'Sandbox.Timedout' });
  });
});

describe('a task', () => {
  it('by the ARN of a function has what the function returned as its result', async () => {
    const machine = row({ Work: { Type: 'Task', Resource: FUNCTION_ARN } });
    await using lab = await StatesLab.open({ machine });
    const { output, executionArn = '' } = await lab.run('machine', { do: 'echo', a: 1 });
    expect(output).toEqual({ do: 'echo', a: 1 });
    expect((await lab.types(executionArn)).slice(2, 5)).toEqual([
      'LambdaFunctionScheduled',
      'LambdaFunctionStarted',
      'LambdaFunctionSucceeded',
    ]);
  });

  it('sends messages, and writes items, by optimized integrations', async () => {
    const machine = row({
      Send: {
        Type: 'Task',
        Resource: 'arn:aws:states:::sqs:sendMessage',
        Parameters: { ...QUEUE_URL, MessageBody: { 'id.$': '$.id' } },
        ResultPath: null,
      },
      Write: {
        Type: 'Task',
        Resource: 'arn:aws:states:::dynamodb:updateItem',
        Parameters: {
          TableName: 'table',
          Key: { id: { 'S.$': '$.id' } },
          UpdateExpression: 'ADD n :one',
          ExpressionAttributeValues: { ':one': { N: '1' } },
          ReturnValues: 'ALL_NEW',
        },
        OutputPath: '$.Attributes',
      },
    });
    await using lab = await StatesLab.open(
      { machine },
      { actions: ['sqs:SendMessage', 'dynamodb:UpdateItem'] },
    );
    expect((await lab.run('machine', { id: 'o-1' })).output).toEqual({ id: { S: 'o-1' }, n: { N: '1' } });
    expect(await received(lab)).toEqual({ id: 'o-1' });
  });

  it('calls any action of the services that it knows by the SDK integrations', async () => {
    const put = (fields: object) => ({
      Type: 'Task',
      Resource: 'arn:aws:states:::aws-sdk:dynamodb:putItem',
      Parameters: {
        TableName: 'table',
        Item: { id: { S: '1' } },
        ConditionExpression: 'attribute_not_exists(id)',
      },
      ...fields,
    });
    const machine = row({ First: put({ ResultPath: null }), Second: put({}) });
    await using lab = await StatesLab.open({ machine }, { actions: ['dynamodb:PutItem'] });
    expect(await lab.run('machine')).toMatchObject({
      status: 'FAILED',
      error: 'DynamoDb.ConditionalCheckFailedException',
      cause: expect.stringContaining('The conditional request failed'),
    });
  });

  it.each([
    ['what the local cloud cannot call', 'glue:startJobRun.sync'],
    ['a token for DynamoDB, which hands none on', 'dynamodb:putItem.waitForTaskToken'],
    ['an action of the SDK that begins with a capital', 'aws-sdk:sqs:SendMessage'],
  ])('is refused when it is deployed where it names %s', async (_, resource) => {
    const machine = row({ Work: { Type: 'Task', Resource: `arn:aws:states:::${resource}` } });
    await expect(StatesLab.open({ machine })).rejects.toThrow(new RegExp(`App/Machinemachine .*${resource}`));
  });
});

describe("the machine's role", () => {
  it('must be allowed to invoke the function', async () => {
    await using lab = await StatesLab.open(
      { machine: row({ Work: probe({}) }) },
      { actions: ['sqs:SendMessage'] },
    );
    expect(await lab.run('machine')).toMatchObject({
      status: 'FAILED',
      error: 'Lambda.AWSLambdaException',
      cause: expect.stringContaining('is not authorized to perform: lambda:InvokeFunction'),
    });
    expect(lab.cloud.lambda.environmentCount).toBe(0);
  });

  it('must be allowed to do what else its tasks do', async () => {
    await using lab = await StatesLab.open({ machine: row({ Ask: asking() }) });
    expect(await lab.run('machine', { id: '1' })).toMatchObject({
      status: 'FAILED',
      error: 'SQS.AccessDeniedException',
    });
  });

  it('must trust Step Functions', async () => {
    const Machine = {
      Type: 'AWS::StepFunctions::StateMachine',
      Properties: {
        DefinitionString: JSON.stringify(row({ Done: { Type: 'Succeed' } })),
        RoleArn: 'arn:aws:iam::000000000000:role/of-nobody',
      },
    };
    await expect(StatesLab.open({}, { resources: { Machine } })).rejects.toThrow(
      /App\/Machine .*authorized to assume the provided role/,
    );
  });
});
