import {
  CreateScheduleGroupCommand,
  DeleteScheduleCommand,
  GetScheduleCommand,
  GetScheduleGroupCommand,
  ListScheduleGroupsCommand,
  ListSchedulesCommand,
} from '@aws-sdk/client-scheduler';
import { describe, expect, it } from 'vitest';
import { GROUP, SchedulerLab } from './scheduler-lab.ts';

const DEFERRED = { GroupName: GROUP };

describe('CreateSchedule', () => {
  it('answers an ARN, by which the schedule is described as it was made', async () => {
    await using lab = await SchedulerLab.open();
    const { ScheduleArn } = await lab.create('send-email-1', { Description: 'a deferral' });
    expect(ScheduleArn).toBe(`arn:aws:scheduler:us-east-1:000000000000:schedule/${GROUP}/send-email-1`);
    const { $metadata, ...described } = await lab.client.send(
      new GetScheduleCommand({ ...DEFERRED, Name: 'send-email-1' }),
    );
    expect(described).toEqual({
      Arn: ScheduleArn,
      GroupName: GROUP,
      Name: 'send-email-1',
      ScheduleExpression: 'at(2030-01-01T12:10:00)',
      ScheduleExpressionTimezone: 'UTC',
      FlexibleTimeWindow: { Mode: 'OFF' },
      ActionAfterCompletion: 'DELETE',
      State: 'ENABLED',
      Description: 'a deferral',
      CreationDate: expect.any(Date),
      LastModificationDate: expect.any(Date),
      Target: {
        Arn: lab.queueArn,
        RoleArn: lab.role('sender'),
        Input: 'the body',
        RetryPolicy: { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 },
      },
    });
  });

  it('makes one schedule of the same call sent twice, told by its client token', async () => {
    await using lab = await SchedulerLab.open();
    const first = await lab.create('once', { ClientToken: 'token' });
    const second = await lab.create('once', { ClientToken: 'token' });
    expect(second.ScheduleArn).toBe(first.ScheduleArn);
    await lab.pass(3600);
    expect(await lab.bodies()).toEqual(['the body']);
  });

  it.each([
    ['by another call', { ClientToken: 'other' }],
    ['by the same call with another content', { ClientToken: 'token', Target: { Input: 'other' } }],
  ])('refuses a name that is taken, %s', async (_, changes) => {
    await using lab = await SchedulerLab.open();
    await lab.create('taken', { ClientToken: 'token' });
    await expect(lab.create('taken', changes)).rejects.toMatchObject({
      name: 'ConflictException',
      message: 'Schedule taken already exists.',
    });
  });

  it('takes the same name in another group', async () => {
    await using lab = await SchedulerLab.open();
    await lab.client.send(new CreateScheduleGroupCommand({ Name: 'second' }));
    await lab.create('same');
    const { ScheduleArn } = await lab.create('same', {
      GroupName: 'second',
      Target: { RoleArn: lab.role('any-group') },
    });
    expect(ScheduleArn).toMatch(/:schedule\/second\/same$/);
    await lab.pass(3600);
    expect(await lab.bodies()).toEqual(['the body', 'the body']);
  });

  it('refuses a group that is not there', async () => {
    await using lab = await SchedulerLab.open();
    await expect(lab.create('lost', { GroupName: 'missing' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'Schedule group missing does not exist.',
    });
  });

  it.each([
    ['a name with a slash', 'a/b', {}, 'regular expression'],
    ['a name of 65 characters', 'n'.repeat(65), {}, 'regular expression'],
    [
      'a date that no calendar has',
      'n',
      { ScheduleExpression: 'at(2030-02-30T12:00:00)' },
      'Invalid Schedule',
    ],
    ['a time that is no time', 'n', { ScheduleExpression: 'at(tomorrow)' }, 'Invalid Schedule Expression'],
    ['a time with a zone in it', 'n', { ScheduleExpression: 'at(2030-01-01T12:10:00Z)' }, 'Invalid Schedule'],
    ['a time in the past', 'n', { ScheduleExpression: 'at(2030-01-01T11:59:59)' }, 'in the past'],
    ['an unknown time zone', 'n', { ScheduleExpressionTimezone: 'Mars/Olympus' }, 'Timezone Mars/Olympus'],
    ['a rate, which is not for one time', 'n', { ScheduleExpression: 'rate(1 hour)' }, 'one-time schedules'],
    ['a flexible window', 'n', { FlexibleTimeWindow: { Mode: 'FLEXIBLE' as const } }, 'OFF only'],
    ['an encryption key, which is unknown here', 'n', { KmsKeyArn: 'arn:aws:kms:key' }, 'KmsKeyArn'],
    [
      'a target that is no queue',
      'n',
      { Target: { Arn: 'arn:aws:lambda:us-east-1:000000000000:function:f' } },
      'lambda',
    ],
    ['a target without input', 'n', { Target: { Input: undefined } }, 'Target.Input'],
    ['an input over 256 KB', 'n', { Target: { Input: 'x'.repeat(262_145) } }, '262145 bytes'],
    ['retries over 185', 'n', { Target: { RetryPolicy: { MaximumRetryAttempts: 186 } } }, '0 to 185'],
    [
      'a dead-letter queue, which is unknown here',
      'n',
      { Target: { DeadLetterConfig: { Arn: 'a' } } },
      'DeadLetterConfig',
    ],
    ['a role that is no role', 'n', { Target: { RoleArn: 'sender' } }, 'RoleArn'],
    [
      'a SendMessage that is not JSON',
      'n',
      { Target: { Arn: 'arn:aws:scheduler:::aws-sdk:sqs:sendMessage', Input: 'text' } },
      'well-formed JSON',
    ],
    [
      'a SendMessage without a queue',
      'n',
      { Target: { Arn: 'arn:aws:scheduler:::aws-sdk:sqs:sendMessage', Input: '{"MessageBody":"x"}' } },
      'QueueUrl',
    ],
    [
      'another operation of another service',
      'n',
      { Target: { Arn: 'arn:aws:scheduler:::aws-sdk:sns:publish' } },
      'sns:publish',
    ],
  ])('refuses %s', async (_, name, changes, reason) => {
    await using lab = await SchedulerLab.open();
    await expect(lab.create(name, changes)).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining(reason),
    });
    const { Schedules } = await lab.client.send(new ListSchedulesCommand({}));
    expect(Schedules).toEqual([]);
  });

  it.each([
    ['that is not there', 'nobody'],
    ['that trusts another service', 'function'],
    ['that trusts EventBridge Scheduler for another group', 'elsewhere'],
  ])('refuses a role %s', async (_, role) => {
    await using lab = await SchedulerLab.open();
    await expect(lab.create('n', { Target: { RoleArn: lab.role(role) } })).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('must allow AWS EventBridge Scheduler to assume the role'),
    });
  });
});

describe('schedules that are there', () => {
  it('are listed by group, prefix and state, page by page', async () => {
    await using lab = await SchedulerLab.open();
    for (const name of ['b-1', 'a-2', 'a-1']) await lab.create(name);
    await lab.create('a-3', { State: 'DISABLED' });
    const list = async (input: object) =>
      (await lab.client.send(new ListSchedulesCommand(input))).Schedules?.map(({ Name }) => Name);
    expect(await list({ GroupName: GROUP })).toEqual(['a-1', 'a-2', 'a-3', 'b-1']);
    expect(await list({ NamePrefix: 'a-', State: 'ENABLED' })).toEqual(['a-1', 'a-2']);
    expect(await list({ GroupName: 'default' })).toEqual([]);
    const first = await lab.client.send(new ListSchedulesCommand({ MaxResults: 3 }));
    expect(first.Schedules).toHaveLength(3);
    expect(await list({ MaxResults: 3, NextToken: first.NextToken })).toEqual(['b-1']);
  });

  it('are deleted, and never fire then', async () => {
    await using lab = await SchedulerLab.open();
    await lab.create('gone');
    await lab.client.send(new DeleteScheduleCommand({ ...DEFERRED, Name: 'gone' }));
    await expect(
      lab.client.send(new DeleteScheduleCommand({ ...DEFERRED, Name: 'gone' })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException', message: 'Schedule gone does not exist.' });
    await lab.pass(3600);
    expect(await lab.bodies()).toEqual([]);
  });
});

describe('schedule groups', () => {
  it('are those of the template, those that were made, and the default', async () => {
    await using lab = await SchedulerLab.open();
    const { ScheduleGroupArn } = await lab.client.send(new CreateScheduleGroupCommand({ Name: 'made' }));
    const { ScheduleGroups = [] } = await lab.client.send(new ListScheduleGroupsCommand({}));
    expect(ScheduleGroups.map(({ Name }) => Name)).toEqual(['default', GROUP, 'made']);
    expect(await lab.client.send(new GetScheduleGroupCommand({ Name: 'made' }))).toMatchObject({
      Arn: ScheduleGroupArn,
      State: 'ACTIVE',
    });
    const { Arn } = await lab.client.send(new GetScheduleGroupCommand({ Name: GROUP }));
    expect(lab.cloud.deployment.output('App', 'GroupArn')).toBe(Arn);
  });

  it('are not made twice', async () => {
    await using lab = await SchedulerLab.open();
    await expect(lab.client.send(new CreateScheduleGroupCommand({ Name: GROUP }))).rejects.toMatchObject({
      name: 'ConflictException',
    });
  });
});
