import { RedriveExecutionCommand, StopExecutionCommand } from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
import { queueTarget, rule } from '../events/rules.ts';
import { probe, row, START_MS, StatesLab } from './states-lab.ts';

const STATUS_CHANGES = {
  ...rule('Rule', {
    EventPattern: { source: ['aws.states'], 'detail-type': ['Step Functions Execution Status Change'] },
    Targets: [queueTarget('Queue')],
  }),
};

function counted(lab: StatesLab, machine: string, metricName: string) {
  const dimensions = { StateMachineArn: lab.arn(machine) };
  return lab.cloud.cloudwatch.metrics.read(
    { namespace: 'AWS/States', metricName, dimensions },
    START_MS,
    START_MS + 86_400_000,
  );
}

async function told(lab: StatesLab) {
  await lab.settle();
  const messages = await lab.cloud.sqs.receive(lab.cloud.sqs.arnOf('queue'));
  return messages.map(({ body }) => JSON.parse(body));
}

describe('each change of the status of an execution', () => {
  it('is told to EventBridge, as AWS documents it', async () => {
    await using lab = await StatesLab.open(
      { machine: row({ Wait: { Type: 'Wait', Seconds: 5 }, Done: { Type: 'Pass', Result: 'done' } }) },
      { resources: STATUS_CHANGES },
    );
    const executionArn = await lab.start('machine', { a: 1 }, 'job-1');
    const { startDate } = await lab.result(executionArn);
    const [started] = await told(lab);
    expect(started).toEqual({
      version: '0',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      'detail-type': 'Step Functions Execution Status Change',
      source: 'aws.states',
      account: '000000000000',
      time: expect.stringMatching(/^2030-01-01T12:0\d:\d\dZ$/),
      region: 'us-east-1',
      resources: [executionArn],
      detail: {
        executionArn,
        stateMachineArn: lab.arn('machine'),
        name: 'job-1',
        status: 'RUNNING',
        startDate: startDate?.getTime(),
        stopDate: null,
        input: '{"a":1}',
        output: null,
        inputDetails: { included: true },
        outputDetails: null,
        error: null,
        cause: null,
        stateMachineVersionArn: null,
        stateMachineAliasArn: null,
        redriveCount: 0,
        redriveDate: null,
        redriveStatus: 'NOT_REDRIVABLE',
        redriveStatusReason: 'Execution is RUNNING and cannot be redriven',
      },
    });
    await lab.pass(10);
    const { stopDate } = await lab.result(executionArn);
    expect((await told(lab)).map(({ detail }) => detail)).toMatchObject([
      {
        status: 'SUCCEEDED',
        stopDate: stopDate?.getTime(),
        output: '"done"',
        outputDetails: { included: true },
      },
    ]);
  });

  it('tells the error and the cause of one that failed, timed out or was aborted, and that it was redriven', async () => {
    await using lab = await StatesLab.open(
      {
        fails: row({ Fail: { Type: 'Fail', Error: 'Mine', Cause: 'because' } }),
        late: { ...row({ Wait: { Type: 'Wait', Seconds: 100 } }), TimeoutSeconds: 1 },
        waits: row({ Wait: { Type: 'Wait', Seconds: 100 } }),
      },
      { resources: STATUS_CHANGES },
    );
    const failed = await lab.start('fails');
    await lab.start('late');
    const aborted = await lab.start('waits');
    await lab.pass(5);
    await lab.client.send(
      new StopExecutionCommand({ executionArn: aborted, error: 'Stopped', cause: 'by hand' }),
    );
    await lab.client.send(new RedriveExecutionCommand({ executionArn: failed }));
    const details = (await told(lab)).map(({ detail }) => detail);
    const of = (status: string) => details.filter((detail) => detail.status === status);
    expect(of('TIMED_OUT')).toMatchObject([{ error: 'States.Timeout', redriveStatus: 'REDRIVABLE' }]);
    expect(of('ABORTED')).toMatchObject([{ error: 'Stopped', cause: 'by hand' }]);
    expect(of('FAILED').map(({ error, cause, redriveCount }) => [error, cause, redriveCount])).toEqual([
      ['Mine', 'because', 0],
      ['Mine', 'because', 1],
    ]);
    expect(
      of('RUNNING')
        .map(({ redriveCount }) => redriveCount)
        .sort(),
    ).toEqual([0, 0, 0, 1]);
  });

  it('leaves a large input out', async () => {
    await using lab = await StatesLab.open(
      { machine: row({ Done: { Type: 'Pass', Result: 1 } }) },
      { resources: STATUS_CHANGES },
    );
    await lab.run('machine', 'x'.repeat(255_000));
    for (const { detail } of await told(lab))
      expect(detail).toMatchObject({ input: null, inputDetails: { included: false } });
  });
});

describe('the metrics of AWS/States', () => {
  it('count what becomes of the executions of a machine, and time them', async () => {
    await using lab = await StatesLab.open({
      ends: row({ Wait: { Type: 'Wait', Seconds: 30 } }),
      fails: row({ Fail: { Type: 'Fail', Error: 'Mine' } }),
      late: { ...row({ Wait: { Type: 'Wait', Seconds: 100 } }), TimeoutSeconds: 60 },
    });
    await lab.run('ends');
    const { executionArn } = await lab.run('fails');
    await lab.run('late');
    const aborted = await lab.start('ends');
    await lab.client.send(new StopExecutionCommand({ executionArn: aborted }));
    await lab.client.send(new RedriveExecutionCommand({ executionArn }));
    await lab.settle();
    const sums = (machine: string, names: readonly string[]) =>
      Object.fromEntries(names.map((name) => [name, counted(lab, machine, name).sum]));
    expect(sums('ends', ['ExecutionsStarted', 'ExecutionsSucceeded', 'ExecutionsAborted'])).toEqual({
      ExecutionsStarted: 2,
      ExecutionsSucceeded: 1,
      ExecutionsAborted: 1,
    });
    expect(sums('fails', ['ExecutionsStarted', 'ExecutionsFailed', 'ExecutionsRedriven'])).toEqual({
      ExecutionsStarted: 1,
      ExecutionsFailed: 2,
      ExecutionsRedriven: 1,
    });
    expect(sums('late', ['ExecutionsTimedOut'])).toEqual({ ExecutionsTimedOut: 1 });
    expect(counted(lab, 'late', 'ExecutionTime').sum).toBeCloseTo(60_000, -2);
  });
});

describe('state transitions', () => {
  it('are counted for their price: each state entered, each retry and each redrive', async () => {
    const Retry = [{ ErrorEquals: ['States.ALL'], IntervalSeconds: 1, MaxAttempts: 2 }];
    await using lab = await StatesLab.open({
      machine: row({ Pass: { Type: 'Pass' }, Work: probe({ do: 'fail' }, { Retry }) }),
    });
    const { executionArn = '' } = await lab.run('machine');
    expect(lab.cloud.states.executions.get(executionArn).transitions).toBe(1 + 3);
    await lab.client.send(new RedriveExecutionCommand({ executionArn }));
    await lab.drain();
    expect(lab.cloud.states.executions.get(executionArn).transitions).toBe(1 + 3 + 1 + 3);
    await lab.run('machine');
    expect(lab.cloud.states.transitions).toBe(12);
  });
});
