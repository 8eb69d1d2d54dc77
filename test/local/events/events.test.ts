import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DescribeRuleCommand,
  DisableRuleCommand,
  ListRulesCommand,
  ListTargetsByRuleCommand,
} from '@aws-sdk/client-eventbridge';
import { describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/kernel/errors.ts';
import { START_MS } from '../states/states-lab.ts';
import { EventsLab } from './events-lab.ts';
import { queueTarget, rule } from './rules.ts';

const EventPattern = { source: ['shop'] };
const orders = (target: object, options?: { permits: boolean }) =>
  rule('Orders', { Name: 'orders', EventPattern, Targets: [target] }, options);

describe('PutEvents', () => {
  it('brings an event to the queue of a rule that it matches, and to no other', async () => {
    await using lab = await EventsLab.open(orders(queueTarget('Queue')));
    const { Entries, FailedEntryCount } = await lab.put(
      { Detail: '{"id":7}', Resources: ['arn:x'], Time: new Date('2030-01-01T11:59:30Z') },
      { Source: 'other' },
    );
    expect(FailedEntryCount).toBe(0);
    expect(await lab.bodies()).toEqual([
      {
        version: '0',
        id: Entries?.[0]?.EventId,
        'detail-type': 'order',
        source: 'shop',
        account: '000000000000',
        time: '2030-01-01T11:59:30Z',
        region: 'us-east-1',
        resources: ['arn:x'],
        detail: { id: 7 },
      },
    ]);
    expect(lab.count('TriggeredRules')).toBe(1);
    expect(lab.count('Invocations')).toBe(1);
  });

  it('invokes the function of a rule', async () => {
    const InputTransformer = {
      InputPathsMap: { id: '$.detail.id', type: '$.detail-type' },
      InputTemplate:
        '{"do":"call","service":"sqs","target":"AmazonSQS.SendMessage","body":{"QueueUrl":"http://x/0/queue","MessageBody":"{\\"text\\":\\"<type> <id>\\"}"}}',
    };
    const target = { Id: 'function', Arn: { 'Fn::GetAtt': ['Function', 'Arn'] }, InputTransformer };
    await using lab = await EventsLab.open(orders(target));
    await lab.put({ Detail: '{"id":7}' });
    expect(await lab.bodies()).toEqual([{ text: 'order 7' }]);
  });

  it('refuses entry by entry what is malformed or in the name of AWS', async () => {
    await using lab = await EventsLab.open(orders(queueTarget('Queue')));
    const { Entries, FailedEntryCount } = await lab.put(
      { Detail: '[1]' },
      { Source: 'aws.states' },
      { DetailType: '' },
      {},
    );
    expect(FailedEntryCount).toBe(3);
    expect(Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([
      'MalformedDetail',
      'NotAuthorizedForSourceException',
      'InvalidArgument',
      undefined,
    ]);
    expect(await lab.bodies()).toHaveLength(1);
  });

  it('takes at most ten entries, and no other event bus than the default one', async () => {
    await using lab = await EventsLab.open({});
    await expect(lab.put(...Array.from({ length: 11 }, () => ({})))).rejects.toMatchObject({
      name: 'ValidationException',
    });
    await expect(lab.put({ EventBusName: 'other' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });
});

describe('what a target gets', () => {
  it.each<[string, object, unknown]>([
    ['a constant', { Input: '{"fixed":true}' }, { fixed: true }],
    ['a part of the event', { InputPath: '$.detail' }, { id: 7, name: 'Kim "K"' }],
    [
      'what a transformer makes of it',
      {
        InputTransformer: {
          InputPathsMap: { id: '$.detail.id', name: '$.detail.name' },
          InputTemplate: '{"id":<id>,"name":<name>,"text":"<name> (<id>)","rule":"<aws.events.rule-name>"}',
        },
      },
      { id: 7, name: 'Kim "K"', text: 'Kim "K" (7)', rule: 'orders' },
    ],
  ])('may be %s', async (_, fields, expected) => {
    await using lab = await EventsLab.open(orders(queueTarget('Queue', fields)));
    await lab.put({ Detail: JSON.stringify({ id: 7, name: 'Kim "K"' }) });
    expect(await lab.bodies()).toEqual([expected]);
  });
});

describe('a delivery that fails', () => {
  it('is tried again, later each time, until the target takes it', async () => {
    await using lab = await EventsLab.open(orders(queueTarget('Queue')));
    let refusals = 3;
    lab.lab.cloud.sqs.intercept = (operation) => {
      if (operation === 'SendMessage' && refusals-- > 0)
        throw new AwsError('ServiceUnavailable', 'down', 503);
    };
    await lab.put({});
    await lab.lab.settle();
    expect(lab.lab.cloud.nextEventMs()).toBeGreaterThan(lab.lab.cloud.clock.now());
    await lab.lab.pass(10);
    expect(await lab.bodies()).toHaveLength(1);
    expect(lab.count('Invocations')).toBe(4);
    expect(lab.count('FailedInvocations')).toBe(0);
  });

  it('goes to the dead-letter queue of its target once its retries are spent', async () => {
    const dead = queueTarget('Gone', {
      RetryPolicy: { MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 60 },
      DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['Queue', 'Arn'] } },
    });
    const Gone = { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'gone' } };
    const GonePolicy = {
      Type: 'AWS::SQS::QueuePolicy',
      Properties: {
        Queues: [{ Ref: 'Gone' }],
        PolicyDocument: {
          Statement: [
            {
              Effect: 'Allow',
              Action: 'sqs:SendMessage',
              Principal: { Service: 'events.amazonaws.com' },
              Resource: '*',
            },
          ],
        },
      },
    };
    await using lab = await EventsLab.open({ ...orders(dead), Gone, GonePolicy });
    let calls = 0;
    lab.lab.cloud.sqs.intercept = (operation, input) => {
      const { QueueUrl } = input as { QueueUrl: string };
      if (operation === 'SendMessage' && QueueUrl.endsWith('/gone')) {
        calls++;
        throw new AwsError('ServiceUnavailable', 'down', 503);
      }
    };
    await lab.put({ Detail: '{"id":7}' });
    await lab.lab.pass(60);
    expect(calls).toBe(3);
    const [message] = await lab.lab.cloud.sqs.receive(lab.lab.cloud.sqs.arnOf('queue'));
    expect(JSON.parse(message?.body ?? '').detail).toEqual({ id: 7 });
    expect(message?.messageAttributes).toMatchObject({
      ERROR_CODE: { stringValue: 'ServiceUnavailable' },
      RULE_ARN: { stringValue: 'arn:aws:events:us-east-1:000000000000:rule/orders' },
    });
    expect(lab.count('FailedInvocations')).toBe(1);
  });

  it('for want of permission is not tried again', async () => {
    const { Orders, OrdersPermission } = orders(queueTarget('Queue')) as Record<string, object>;
    const noQueuePolicy = { Orders, OrdersPermission };
    const toFunction = { Id: 'function', Arn: { 'Fn::GetAtt': ['Function', 'Arn'] } };
    for (const resources of [noQueuePolicy, orders(toFunction, { permits: false })]) {
      await using lab = await EventsLab.open(resources as object);
      await lab.put({});
      await lab.lab.settle();
      expect(lab.count('FailedInvocations')).toBe(1);
      expect(lab.lab.cloud.nextEventMs()).toBeUndefined();
      expect(await lab.bodies()).toEqual([]);
      expect(lab.count('Invocations', 'AWS/Lambda', { FunctionName: 'probe' })).toBe(0);
    }
  });

  it('is made after a restart', async () => {
    const dataDirectory = mkdtempSync(join(tmpdir(), 'state-'));
    const resources = orders(queueTarget('Queue'));
    {
      await using first = await EventsLab.open(resources, { dataDirectory });
      first.lab.cloud.sqs.intercept = () => {
        throw new AwsError('ServiceUnavailable', 'down', 503);
      };
      await first.put({ Detail: '{"id":7}' });
      await first.lab.settle();
    }
    await using second = await EventsLab.open(resources, { dataDirectory, startMs: START_MS + 3_600_000 });
    expect((await second.bodies()).map(({ detail }) => detail)).toEqual([{ id: 7 }]);
  });
});

describe('the rules of the template', () => {
  it('are listed and described, and can be disabled', async () => {
    await using lab = await EventsLab.open(orders(queueTarget('Queue')));
    const { Rules } = await lab.client.send(new ListRulesCommand({}));
    expect(Rules?.map(({ Name }) => Name)).toEqual(['orders']);
    const { Targets } = await lab.client.send(new ListTargetsByRuleCommand({ Rule: 'orders' }));
    expect(Targets).toMatchObject([{ Id: 'to-Queue', Arn: lab.lab.cloud.sqs.arnOf('queue') }]);
    await lab.client.send(new DisableRuleCommand({ Name: 'orders' }));
    expect(await lab.client.send(new DescribeRuleCommand({ Name: 'orders' }))).toMatchObject({
      State: 'DISABLED',
      EventPattern: JSON.stringify(EventPattern),
    });
    await lab.put({});
    expect(await lab.bodies()).toEqual([]);
    await expect(lab.client.send(new DescribeRuleCommand({ Name: 'none' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it.each([
    ['neither a pattern nor a schedule', {}, /EventPattern or ScheduleExpression/],
    ['a rate of none', { ScheduleExpression: 'rate(0 minutes)' }, /ScheduleExpression is not valid/],
    ['a plural of one', { ScheduleExpression: 'rate(1 minutes)' }, /ScheduleExpression is not valid/],
    ['a singular of several', { ScheduleExpression: 'rate(5 hour)' }, /ScheduleExpression is not valid/],
    [
      'the times of a calendar',
      { ScheduleExpression: 'cron(0 20 * * ? *)' },
      /knows schedules at a rate, and not cron/,
    ],
    ['another event bus', { EventBusName: 'other', EventPattern }, /event bus other/],
    [
      'a target that it cannot reach',
      { EventPattern, Targets: [{ Id: 'x', Arn: 'arn:aws:kinesis:a:b:stream/c' }] },
      /kinesis/,
    ],
  ])('with %s are refused when they are deployed', async (_, properties, message) => {
    await expect(EventsLab.open(rule('Orders', properties))).rejects.toThrow(message);
  });
});
