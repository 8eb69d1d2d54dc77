import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateTopicCommand,
  PublishBatchCommand,
  PublishCommand,
  type PublishCommandInput,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import { expect, it } from 'vitest';
import { SnsLab } from './sns-lab.ts';

async function topicIn(lab: SnsLab): Promise<string> {
  const { TopicArn = '' } = await lab.client.send(new CreateTopicCommand({ Name: 'alarms' }));
  return TopicArn;
}

async function subscribe(
  lab: SnsLab,
  TopicArn: string,
  Endpoint: string,
  Attributes: Record<string, string> = {},
) {
  await lab.client.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint, Attributes }));
}

it('keeps what was published, with its subject and cloud time', async () => {
  await using lab = await SnsLab.open();
  const topicArn = await topicIn(lab);
  const message = '<b> & "quotes"\r\n\u0001 ü 🚚';
  const { MessageId } = await lab.client.send(
    new PublishCommand({ TopicArn: topicArn, Subject: 'Grüße', Message: message }),
  );
  const second = lab.sns.publish(topicArn, { message: 'in process' });
  expect(lab.sns.published()).toEqual([
    { messageId: MessageId, topicArn, subject: 'Grüße', message, atMs: expect.any(Number) },
    { messageId: second, topicArn, message: 'in process', atMs: expect.any(Number) },
  ]);
});

it('delivers to no queue whose policy does not let SNS in', async () => {
  await using lab = await SnsLab.open();
  const topicArn = await topicIn(lab);
  const [open, closed] = [lab.queue('open'), lab.queue('closed', { admits: false })];
  for (const queue of [open, closed]) await subscribe(lab, topicArn, queue);
  lab.sns.publish(topicArn, { message: 'm' });
  expect([await lab.bodies(open), await lab.bodies(closed)].map(({ length }) => length)).toEqual([1, 0]);
});

it('delivers a notification to each subscribed queue', async () => {
  await using lab = await SnsLab.open();
  const topicArn = await topicIn(lab);
  const queues = [lab.queue('first'), lab.queue('second')];
  for (const queue of queues) await subscribe(lab, topicArn, queue);
  const { MessageId } = await lab.client.send(
    new PublishCommand({
      TopicArn: topicArn,
      Subject: 'Down',
      Message: 'the provider is down',
      MessageAttributes: {
        kind: { DataType: 'String', StringValue: 'alarm' },
        bytes: { DataType: 'Binary', BinaryValue: Buffer.from('xy') },
      },
    }),
  );
  for (const queue of queues) {
    const [body = '', ...others] = await lab.bodies(queue);
    expect(others).toEqual([]);
    expect(JSON.parse(body)).toEqual({
      Type: 'Notification',
      MessageId,
      TopicArn: topicArn,
      Subject: 'Down',
      Message: 'the provider is down',
      Timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      MessageAttributes: {
        kind: { Type: 'String', Value: 'alarm' },
        bytes: { Type: 'Binary', Value: 'eHk=' },
      },
    });
  }
});

it('delivers the bare message, and its attributes, to a queue that wants it raw', async () => {
  await using lab = await SnsLab.open();
  const topicArn = await topicIn(lab);
  const queue = lab.queue('raw');
  await subscribe(lab, topicArn, queue, { RawMessageDelivery: 'true' });
  await lab.client.send(
    new PublishCommand({
      TopicArn: topicArn,
      Message: 'bare',
      MessageAttributes: { kind: { DataType: 'String', StringValue: 'alarm' } },
    }),
  );
  const [message] = await lab.sqs.receive(queue);
  expect(message).toMatchObject({ body: 'bare', messageAttributes: { kind: { stringValue: 'alarm' } } });
});

it("takes the queues' own text of a message that has one for each protocol", async () => {
  await using lab = await SnsLab.open();
  const topicArn = await topicIn(lab);
  const queue = lab.queue('raw');
  await subscribe(lab, topicArn, queue, { RawMessageDelivery: 'true' });
  const publish = (texts: object) =>
    lab.client.send(
      new PublishCommand({ TopicArn: topicArn, Message: JSON.stringify(texts), MessageStructure: 'json' }),
    );
  await publish({ default: 'for all', sqs: 'for queues' });
  await publish({ default: 'for all', email: 'for people' });
  expect(await lab.bodies(queue)).toEqual(['for queues', 'for all']);
  await expect(publish({ sqs: 'x' })).rejects.toMatchObject({
    message: 'Invalid parameter: Message Structure - No default entry in JSON message body',
  });
});

it('puts what a queue that is gone should have had into the dead-letter queue of the subscription', async () => {
  await using lab = await SnsLab.open();
  const topicArn = await topicIn(lab);
  const dead = lab.queue('dead');
  const gone = 'arn:aws:sqs:us-east-1:000000000000:gone';
  await subscribe(lab, topicArn, gone, {
    RawMessageDelivery: 'true',
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead }),
  });
  await lab.client.send(new PublishCommand({ TopicArn: topicArn, Message: 'left over' }));
  expect(await lab.bodies(dead)).toEqual(['left over']);
});

it('delivers to the others although one queue is gone', async () => {
  await using lab = await SnsLab.open();
  const topicArn = await topicIn(lab);
  const queue = lab.queue('there');
  await subscribe(lab, topicArn, 'arn:aws:sqs:us-east-1:000000000000:gone');
  await subscribe(lab, topicArn, queue, { RawMessageDelivery: 'true' });
  await lab.client.send(new PublishCommand({ TopicArn: topicArn, Message: 'm' }));
  expect(await lab.bodies(queue)).toEqual(['m']);
});

it('publishes a batch, and says of each entry what became of it', async () => {
  await using lab = await SnsLab.open();
  const topicArn = await topicIn(lab);
  const entry = (Id: string, Message: string) => ({ Id, Message });
  const { Successful, Failed } = await lab.client.send(
    new PublishBatchCommand({
      TopicArn: topicArn,
      PublishBatchRequestEntries: [entry('a', 'first'), entry('b', 'x'.repeat(262_145)), entry('c', 'third')],
    }),
  );
  expect(Successful?.map(({ Id }) => Id)).toEqual(['a', 'c']);
  expect(Failed).toMatchObject([{ Id: 'b', Code: 'InvalidParameter', SenderFault: true }]);
  expect(lab.sns.published().map(({ message }) => message)).toEqual(['first', 'third']);
  await expect(
    lab.client.send(
      new PublishBatchCommand({
        TopicArn: topicArn,
        PublishBatchRequestEntries: [entry('a', 'x'), entry('a', 'y')],
      }),
    ),
  ).rejects.toMatchObject({ name: 'BatchEntryIdsNotDistinctException' });
  expect(lab.sns.published()).toHaveLength(2);
});

it.each([
  ['an empty message', { Message: '' }, 'Invalid parameter: Empty message'],
  ['a message over 256 KiB', { Message: 'x'.repeat(262_145) }, 'Invalid parameter: Message too long'],
  ['a subject with a line break', { Subject: 'a\nb' }, 'Invalid parameter: Subject'],
  ['a subject over 100 characters', { Subject: 'x'.repeat(101) }, 'Invalid parameter: Subject'],
  ['a message for a phone', { PhoneNumber: '+15550100' }, 'PhoneNumber'],
] satisfies [string, Partial<PublishCommandInput>, string][])(
  'refuses %s, and publishes nothing',
  async (_, changes, message) => {
    await using lab = await SnsLab.open();
    const TopicArn = await topicIn(lab);
    await expect(
      lab.client.send(new PublishCommand({ TopicArn, Message: 'm', ...changes })),
    ).rejects.toMatchObject({
      name: 'InvalidParameterException',
      message: expect.stringContaining(message),
    });
    expect(lab.sns.published()).toEqual([]);
  },
);

it('refuses a topic that is not there', async () => {
  await using lab = await SnsLab.open();
  const arn = 'arn:aws:sns:us-east-1:000000000000:none';
  await expect(lab.client.send(new PublishCommand({ TopicArn: arn, Message: 'm' }))).rejects.toMatchObject({
    name: 'NotFoundException',
    message: 'Topic does not exist',
    $metadata: { httpStatusCode: 404 },
  });
  expect(() => lab.sns.publish(arn, { message: 'm' })).toThrow('Topic does not exist');
});

it('knows topics, subscriptions and messages after a restart', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sns-'));
  const before = await (async () => {
    await using lab = await SnsLab.open(directory);
    const topicArn = await topicIn(lab);
    await subscribe(lab, topicArn, lab.queue('q'), { RawMessageDelivery: 'true' });
    lab.sns.publish(topicArn, { message: 'before' });
    return lab.sns.published();
  })();
  await using lab = await SnsLab.open(directory);
  expect(lab.sns.published()).toEqual(before);
  lab.sns.publish(before[0]?.topicArn ?? '', { message: 'after' });
  expect(await lab.bodies(lab.sqs.arnOf('q'))).toEqual(['before', 'after']);
  rmSync(directory, { recursive: true });
});
