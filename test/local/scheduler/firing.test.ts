import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetScheduleCommand, ListSchedulesCommand } from '@aws-sdk/client-scheduler';
import { describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/kernel/errors.ts';
import { GROUP, SchedulerLab, START_MS } from './scheduler-lab.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const SEND_MESSAGE = 'arn:aws:scheduler:::aws-sdk:sqs:sendMessage';

async function names(lab: SchedulerLab): Promise<(string | undefined)[]> {
  const { Schedules = [] } = await lab.client.send(new ListSchedulesCommand({}));
  return Schedules.map(({ Name }) => Name);
}

function counted(lab: SchedulerLab, metricName: string): number {
  const identity = { namespace: 'AWS/Scheduler', metricName, dimensions: { ScheduleGroup: GROUP } };
  return lab.cloud.cloudwatch.metrics.read(identity, START_MS, START_MS + 24 * HOUR * 1000).sum;
}

describe('a one-time schedule', () => {
  it('sends its input to a queue at its time, not before, and is gone then', async () => {
    await using lab = await SchedulerLab.open();
    await lab.create('later', { Target: { SqsParameters: { MessageGroupId: 'tenant' } } });
    await lab.pass(10 * MINUTE - 1);
    expect(await lab.messages()).toEqual([]);
    await lab.pass(1);
    expect(await lab.messages()).toEqual([
      { body: 'the body', groupId: 'tenant', messageAttributes: {}, atSeconds: 10 * MINUTE },
    ]);
    expect(await names(lab)).toEqual([]);
  });

  it('sends all that a SendMessage takes, as a universal target', async () => {
    await using lab = await SchedulerLab.open();
    const Input = JSON.stringify({
      QueueUrl: lab.cloud.sqs.queueUrl('queue'),
      MessageBody: '{"hop":1}',
      MessageGroupId: 'tenant',
      MessageAttributes: { traceparent: { DataType: 'String', StringValue: '00-1-2-00' } },
      DelaySeconds: 5,
    });
    await lab.create('universal', { Target: { Arn: SEND_MESSAGE, Input } });
    await lab.pass(10 * MINUTE);
    expect(await lab.messages()).toEqual([]);
    await lab.pass(5);
    expect(await lab.messages()).toMatchObject([
      {
        body: '{"hop":1}',
        groupId: 'tenant',
        messageAttributes: { traceparent: { dataType: 'String', stringValue: '00-1-2-00' } },
      },
    ]);
  });

  it.each([
    ['America/New_York', '2030-01-01T07:10:00'],
    ['Asia/Kolkata', '2030-01-01T17:40:00'],
    ['Europe/Berlin', '2030-01-01T13:10:00'],
    ['UTC', '2030-01-01T12:10:00'],
  ])('reads its time in %s', async (ScheduleExpressionTimezone, time) => {
    await using lab = await SchedulerLab.open();
    await lab.create('zoned', { ScheduleExpression: `at(${time})`, ScheduleExpressionTimezone });
    await lab.pass(HOUR);
    expect(await lab.messages()).toMatchObject([{ atSeconds: 10 * MINUTE }]);
  });

  it('reads a time of the summer by the clock of the summer', async () => {
    await using lab = await SchedulerLab.open();
    await lab.create('summer', {
      ScheduleExpression: 'at(2030-07-01T00:30:00)',
      ScheduleExpressionTimezone: 'Europe/Berlin',
    });
    expect(lab.cloud.scheduler.nextEventMs).toBe(Date.UTC(2030, 5, 30, 22, 30));
  });

  it('fires in the order of the times, not of their creation', async () => {
    await using lab = await SchedulerLab.open();
    await lab.create('late', {
      ScheduleExpression: 'at(2030-01-01T12:20:00)',
      Target: { Input: 'late' },
    });
    await lab.create('early', { Target: { Input: 'early' } });
    await lab.pass(HOUR);
    const messages = await lab.messages();
    expect(messages.map(({ body, atSeconds }) => [body, atSeconds]).sort()).toEqual([
      ['early', 10 * MINUTE],
      ['late', 20 * MINUTE],
    ]);
  });

  it('stays without its action after completion, and never fires again', async () => {
    await using lab = await SchedulerLab.open();
    await lab.create('kept', { ActionAfterCompletion: 'NONE' });
    await lab.pass(HOUR);
    expect(await lab.bodies()).toEqual(['the body']);
    expect(await names(lab)).toEqual(['kept']);
    expect(lab.cloud.nextEventMs()).toBeUndefined();
  });

  it('does not fire while it is disabled', async () => {
    await using lab = await SchedulerLab.open();
    await lab.create('disabled', { State: 'DISABLED' });
    await lab.pass(HOUR);
    expect(await lab.bodies()).toEqual([]);
  });

  it('tells in its message what the input asks of it, as AWS replaces the keywords', async () => {
    await using lab = await SchedulerLab.open();
    const { ScheduleArn } = await lab.create('told', {
      Target: {
        Input:
          '<aws.scheduler.schedule-arn> <aws.scheduler.scheduled-time> <aws.scheduler.attempt-number> <aws.scheduler.other>',
      },
    });
    await lab.pass(HOUR);
    expect(await lab.bodies()).toEqual([`${ScheduleArn} 2030-01-01T12:10:00Z 1 <aws.scheduler.other>`]);
  });
});

describe('the cloud', () => {
  it('says when the next schedule fires, so that whoever drains it comes there', async () => {
    await using lab = await SchedulerLab.open();
    expect(lab.cloud.nextEventMs()).toBeUndefined();
    await lab.create('later');
    await lab.create('sooner', { ScheduleExpression: 'at(2030-01-01T12:05:00)' });
    expect(lab.cloud.nextEventMs()).toBe(START_MS + 5 * MINUTE * 1000);
    expect(lab.cloud.idle()).toBe(true);
    await lab.pass(5 * MINUTE);
    expect(lab.cloud.nextEventMs()).toBe(START_MS + 10 * MINUTE * 1000);
  });

  it('keeps schedules over a restart, and sends at once what fell due while it was down', async () => {
    const dataDirectory = mkdtempSync(join(tmpdir(), 'state-'));
    {
      await using first = await SchedulerLab.open({ dataDirectory });
      await first.create('due');
      await first.create('later', { ScheduleExpression: 'at(2030-01-02T12:00:00)' });
    }
    await using second = await SchedulerLab.open({ dataDirectory, startMs: START_MS + HOUR * 1000 });
    await second.pass(1);
    expect(await second.messages()).toMatchObject([{ atSeconds: expect.closeTo(HOUR, -1) }]);
    expect(await names(second)).toEqual(['later']);
    await second.pass(23 * HOUR);
    const times = (await second.messages()).map(({ atSeconds }) => atSeconds);
    expect(Math.max(...times)).toBe(24 * HOUR);
  });
});

describe('a delivery that fails', () => {
  it('is tried again, later each time, until the queue takes it', async () => {
    await using lab = await SchedulerLab.open();
    await lab.create('retried');
    let refusals = 3;
    lab.cloud.sqs.intercept = (operation) => {
      if (operation === 'SendMessage' && refusals-- > 0)
        throw new AwsError('ServiceUnavailable', 'down', 503);
    };
    await lab.pass(10 * MINUTE);
    expect(await lab.bodies()).toEqual([]);
    await lab.pass(MINUTE);
    expect(await lab.messages()).toMatchObject([{ body: 'the body', atSeconds: 10 * MINUTE + 1 + 2 + 4 }]);
    expect(counted(lab, 'InvocationAttemptCount')).toBe(4);
    expect(counted(lab, 'TargetErrorCount')).toBe(3);
    expect(counted(lab, 'InvocationDroppedCount')).toBe(0);
  });

  it('is tried for as long as its retry policy says, and dropped with a metric then', async () => {
    await using lab = await SchedulerLab.open();
    await lab.create('dropped', {
      Target: { RetryPolicy: { MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: HOUR } },
    });
    lab.cloud.sqs.intercept = () => {
      throw new AwsError('ServiceUnavailable', 'down', 503);
    };
    await lab.pass(HOUR);
    expect(counted(lab, 'InvocationAttemptCount')).toBe(3);
    expect(counted(lab, 'InvocationDroppedCount')).toBe(1);
    expect(await names(lab)).toEqual([]);
  });

  it('is tried for a day without a policy of its own', async () => {
    await using lab = await SchedulerLab.open();
    await lab.create('day');
    let up = false;
    lab.cloud.sqs.intercept = () => {
      if (!up) throw new AwsError('ServiceUnavailable', 'down', 503);
    };
    await lab.pass(24 * HOUR);
    expect(await names(lab)).toEqual(['day']);
    up = true;
    await lab.pass(10 * MINUTE);
    expect(await lab.bodies()).toEqual(['the body']);
  });

  it('for want of permission sends nothing: the role reaches its own queue alone', async () => {
    await using lab = await SchedulerLab.open();
    await lab.create('refused', {
      Target: { Arn: lab.cloud.sqs.arnOf('other'), RetryPolicy: { MaximumRetryAttempts: 0 } },
    });
    const Input = JSON.stringify({ QueueUrl: lab.cloud.sqs.queueUrl('other'), MessageBody: 'x' });
    await lab.create('refused-too', {
      Target: { Arn: SEND_MESSAGE, Input, RetryPolicy: { MaximumRetryAttempts: 0 } },
    });
    await lab.pass(HOUR);
    expect(await lab.bodies('other')).toEqual([]);
    expect(counted(lab, 'InvocationDroppedCount')).toBe(2);
  });

  it('counts its attempts in the message that it sends in the end', async () => {
    await using lab = await SchedulerLab.open();
    await lab.create('counted', { Target: { Input: 'attempt <aws.scheduler.attempt-number>' } });
    let refusals = 1;
    lab.cloud.sqs.intercept = () => {
      if (refusals-- > 0) throw new AwsError('ServiceUnavailable', 'down', 503);
    };
    await lab.pass(HOUR);
    lab.cloud.sqs.intercept = undefined;
    expect(await lab.bodies()).toEqual(['attempt 2']);
    await expect(
      lab.client.send(new GetScheduleCommand({ Name: 'counted', GroupName: GROUP })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });
});
