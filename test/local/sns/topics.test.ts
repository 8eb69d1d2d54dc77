import {
  CreateTopicCommand,
  DeleteTopicCommand,
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListSubscriptionsCommand,
  ListTopicsCommand,
  OptInPhoneNumberCommand,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from '@aws-sdk/client-sns';
import { describe, expect, it } from 'vitest';
import { LocalCloudError } from '../../../local/kernel/errors.ts';
import { SnsLab } from './sns-lab.ts';

const ALARMS = 'arn:aws:sns:us-east-1:000000000000:alarms';

describe('topics', () => {
  it('creates a topic once, and refuses it with other attributes', async () => {
    await using lab = await SnsLab.open();
    const create = (DisplayName: string) =>
      lab.client.send(new CreateTopicCommand({ Name: 'alarms', Attributes: { DisplayName } }));
    expect(await create('Alarms')).toMatchObject({ TopicArn: ALARMS });
    expect(await create('Alarms')).toMatchObject({ TopicArn: ALARMS });
    await expect(create('Other')).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: 'Invalid parameter: Attributes Reason: Topic already exists with different attributes',
    });
    expect(lab.sns.topics.all()).toHaveLength(1);
  });

  it('refuses names and attributes that no standard topic has', async () => {
    await using lab = await SnsLab.open();
    for (const input of [
      { Name: 'with space' },
      { Name: 'orders.fifo' },
      { Name: 'alarms', Attributes: { FifoTopic: 'true' } },
    ])
      await expect(lab.client.send(new CreateTopicCommand(input))).rejects.toMatchObject({
        name: 'InvalidParameterException',
      });
    expect(lab.sns.topics.all()).toEqual([]);
  });

  it('tells and sets attributes, and counts confirmed and pending subscriptions', async () => {
    await using lab = await SnsLab.open();
    await lab.client.send(new CreateTopicCommand({ Name: 'alarms' }));
    for (const [Protocol, Endpoint] of [
      ['sqs', lab.queue('q')],
      ['email', 'ann@example.org'],
    ])
      await lab.client.send(new SubscribeCommand({ TopicArn: ALARMS, Protocol, Endpoint }));
    await lab.client.send(
      new SetTopicAttributesCommand({
        TopicArn: ALARMS,
        AttributeName: 'DisplayName',
        AttributeValue: '<A> &amp; B',
      }),
    );
    const { Attributes } = await lab.client.send(new GetTopicAttributesCommand({ TopicArn: ALARMS }));
    expect(Attributes).toEqual({
      TopicArn: ALARMS,
      Owner: '000000000000',
      DisplayName: '<A> &amp; B',
      SubscriptionsConfirmed: '1',
      SubscriptionsPending: '1',
      SubscriptionsDeleted: '0',
    });
  });

  it('lists topics by pages of a hundred', async () => {
    await using lab = await SnsLab.open();
    for (let index = 0; index < 101; index++) lab.sns.topics.create(`t${index}`, {});
    const first = await lab.client.send(new ListTopicsCommand({}));
    const second = await lab.client.send(new ListTopicsCommand({ NextToken: first.NextToken }));
    const arns = [...(first.Topics ?? []), ...(second.Topics ?? [])].map(({ TopicArn }) => TopicArn);
    expect(first.Topics).toHaveLength(100);
    expect(second.NextToken).toBeUndefined();
    expect(new Set(arns).size).toBe(101);
  });

  it('takes its subscriptions along when it is deleted', async () => {
    await using lab = await SnsLab.open();
    await lab.client.send(new CreateTopicCommand({ Name: 'alarms' }));
    await lab.client.send(
      new SubscribeCommand({ TopicArn: ALARMS, Protocol: 'sqs', Endpoint: lab.queue('q') }),
    );
    await lab.client.send(new DeleteTopicCommand({ TopicArn: ALARMS }));
    await lab.client.send(new DeleteTopicCommand({ TopicArn: ALARMS }));
    expect((await lab.client.send(new ListSubscriptionsCommand({}))).Subscriptions ?? []).toEqual([]);
  });

  it('names an operation that it does not know', async () => {
    await using lab = await SnsLab.open();
    await expect(
      lab.client.send(new OptInPhoneNumberCommand({ phoneNumber: '+15550100' })),
    ).rejects.toMatchObject({ name: 'InvalidAction', message: expect.stringContaining('OptInPhoneNumber') });
  });
});

describe('subscriptions', () => {
  it('gives a queue one subscription, lists it, changes it and ends it', async () => {
    await using lab = await SnsLab.open();
    await lab.client.send(new CreateTopicCommand({ Name: 'alarms' }));
    const subscribe = () =>
      lab.client.send(new SubscribeCommand({ TopicArn: ALARMS, Protocol: 'sqs', Endpoint: lab.queue('q') }));
    const { SubscriptionArn } = await subscribe();
    expect((await subscribe()).SubscriptionArn).toBe(SubscriptionArn);
    const listed = {
      SubscriptionArn,
      TopicArn: ALARMS,
      Protocol: 'sqs',
      Endpoint: lab.sqs.arnOf('q'),
      Owner: '000000000000',
    };
    expect((await lab.client.send(new ListSubscriptionsCommand({}))).Subscriptions).toEqual([listed]);
    expect(
      (await lab.client.send(new ListSubscriptionsByTopicCommand({ TopicArn: ALARMS }))).Subscriptions,
    ).toEqual([listed]);
    await lab.client.send(
      new SetSubscriptionAttributesCommand({
        SubscriptionArn,
        AttributeName: 'RawMessageDelivery',
        AttributeValue: 'true',
      }),
    );
    const { Attributes } = await lab.client.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
    expect(Attributes).toMatchObject({ RawMessageDelivery: 'true', PendingConfirmation: 'false' });
    await lab.client.send(new UnsubscribeCommand({ SubscriptionArn }));
    await expect(
      lab.client.send(new GetSubscriptionAttributesCommand({ SubscriptionArn })),
    ).rejects.toMatchObject({ name: 'NotFoundException' });
  });

  it('waits for ever for a person to confirm a mail address', async () => {
    await using lab = await SnsLab.open();
    await lab.client.send(new CreateTopicCommand({ Name: 'alarms' }));
    const dead = lab.queue('dead');
    const input = {
      TopicArn: ALARMS,
      Protocol: 'email',
      Endpoint: 'ann@example.org',
      Attributes: { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead }) },
    };
    expect(await lab.client.send(new SubscribeCommand(input))).toMatchObject({
      SubscriptionArn: 'pending confirmation',
    });
    const { SubscriptionArn } = await lab.client.send(
      new SubscribeCommand({ ...input, ReturnSubscriptionArn: true }),
    );
    expect(SubscriptionArn).toContain(`${ALARMS}:`);
    const { Subscriptions } = await lab.client.send(new ListSubscriptionsCommand({}));
    expect(Subscriptions).toMatchObject([{ SubscriptionArn: 'PendingConfirmation', Protocol: 'email' }]);
    lab.sns.publish(ALARMS, { message: 'm' });
    expect(await lab.bodies(dead)).toEqual([]);
  });

  it.each([
    [
      'a protocol that nothing here delivers to',
      { Protocol: 'https', Endpoint: 'https://example.org' },
      'https',
    ],
    ['an endpoint that is no queue', { Protocol: 'sqs', Endpoint: 'q' }, 'SQS endpoint ARN'],
    ['a filter', { Attributes: { FilterPolicy: '{}' } }, 'FilterPolicy'],
    ['a redrive policy without a queue', { Attributes: { RedrivePolicy: '{}' } }, 'RedrivePolicy'],
    ['a raw delivery that is neither on nor off', { Attributes: { RawMessageDelivery: 'x' } }, 'RawMessage'],
  ])('refuses %s, instead of leaving it out', async (_, changes, message) => {
    await using lab = await SnsLab.open();
    await lab.client.send(new CreateTopicCommand({ Name: 'alarms' }));
    const input = { TopicArn: ALARMS, Protocol: 'sqs', Endpoint: lab.queue('q'), ...changes };
    await expect(lab.client.send(new SubscribeCommand(input))).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: expect.stringContaining(message),
    });
    expect(lab.sns.subscriptions.all()).toEqual([]);
  });
});

describe("the template's resources", () => {
  it('makes topic, policy and subscription, and the same again at the next deployment', async () => {
    await using lab = await SnsLab.open();
    const deploy = () => {
      const topic = lab.provision('AWS::SNS::Topic', { DisplayName: 'Alarms' });
      lab.provision('AWS::SNS::TopicPolicy', { Topics: [topic.ref], PolicyDocument: { Statement: [] } });
      const subscription = lab.provision('AWS::SNS::Subscription', {
        TopicArn: topic.ref,
        Protocol: 'sqs',
        Endpoint: lab.queue('q'),
        RawMessageDelivery: true,
      });
      return { topic, subscription };
    };
    const first = deploy();
    expect(first.topic).toEqual({
      ref: 'arn:aws:sns:us-east-1:000000000000:Stack-Resource-1',
      attributes: {
        TopicArn: 'arn:aws:sns:us-east-1:000000000000:Stack-Resource-1',
        TopicName: 'Stack-Resource-1',
      },
    });
    expect(deploy()).toEqual(first);
    expect(lab.sns.topics.get(first.topic.ref).attributes).toEqual({
      DisplayName: 'Alarms',
      Policy: '{"Statement":[]}',
    });
    lab.sns.publish(first.topic.ref, { message: 'm' });
    expect(await lab.bodies(lab.sqs.arnOf('q'))).toEqual(['m']);
  });

  it('subscribes what the topic itself lists', async () => {
    await using lab = await SnsLab.open();
    const { ref } = lab.provision('AWS::SNS::Topic', {
      TopicName: 'alarms',
      Subscription: [{ Protocol: 'sqs', Endpoint: lab.queue('q') }],
    });
    expect(lab.sns.subscriptions.ofTopic(ref)).toHaveLength(1);
  });

  it('refuses a property that it does not know, by stack, id, type and name', async () => {
    await using lab = await SnsLab.open();
    for (const type of ['Topic', 'Subscription', 'TopicPolicy'])
      expect(() => lab.provision(`AWS::SNS::${type}`, { Novelty: 1 })).toThrow(
        new LocalCloudError(
          'UNKNOWN_PROPERTY',
          `Stack/Resource (AWS::SNS::${type}) has the property "Novelty", which the local cloud does not know.`,
        ),
      );
  });
});
