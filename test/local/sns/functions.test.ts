import { afterEach, expect, it } from 'vitest';
import { LocalCloudError } from '../../../local/kernel/errors.ts';
import { type FunctionCloud, functionResource, startFunctions } from '../lambda/function-cloud.ts';
import { temporaryDirectory } from '../ses/ses-lab.ts';

const TOPIC = 'arn:aws:sns:us-east-1:000000000000:topic';
const functionArn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const queue = (QueueName: string) => ({ Type: 'AWS::SQS::Queue', Properties: { QueueName } });
const subscription = (Endpoint: unknown, properties: object = {}) => ({
  Type: 'AWS::SNS::Subscription',
  Properties: { TopicArn: { Ref: 'Topic' }, Protocol: 'lambda', Endpoint, ...properties },
});
const admitting = (name: string) => ({
  [`${name}Admits`]: {
    Type: 'AWS::Lambda::Permission',
    Properties: {
      Action: 'lambda:InvokeFunction',
      FunctionName: { 'Fn::GetAtt': [name, 'Arn'] },
      Principal: 'sns.amazonaws.com',
      SourceArn: { Ref: 'Topic' },
    },
  },
});
const FAILED = {
  Failed: queue('failed'),
  FailedAdmits: {
    Type: 'AWS::SQS::QueuePolicy',
    Properties: {
      Queues: [{ Ref: 'Failed' }],
      PolicyDocument: {
        Statement: {
          Effect: 'Allow',
          Principal: { Service: 'sns.amazonaws.com' },
          Action: 'sqs:SendMessage',
          Resource: { 'Fn::GetAtt': ['Failed', 'Arn'] },
          Condition: { ArnEquals: { 'aws:SourceArn': { Ref: 'Topic' } } },
        },
      },
    },
  },
};
const ofEvents = (name: string, onFailure: object) => ({
  Type: 'AWS::Lambda::EventInvokeConfig',
  Properties: {
    FunctionName: { Ref: name },
    Qualifier: '$LATEST',
    DestinationConfig: { OnFailure: { Destination: onFailure } },
  },
});

/** A function that works and one that cannot even load, both subscribed; what the second fails on goes to a queue. */
const RESOURCES = {
  Topic: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'topic' } },
  ...FAILED,
  Works: functionResource('probe', { FunctionName: 'works' }),
  ...admitting('Works'),
  Broken: functionResource('broken', { FunctionName: 'broken' }),
  ...admitting('Broken'),
  Kept: ofEvents('Broken', { 'Fn::GetAtt': ['Failed', 'Arn'] }),
  ToWorks: subscription({ 'Fn::GetAtt': ['Works', 'Arn'] }),
  ToBroken: subscription({ 'Fn::GetAtt': ['Broken', 'Arn'] }),
};

let running: FunctionCloud | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});
async function start(resources: object, options: { dataDirectory?: string } = {}): Promise<FunctionCloud> {
  running = await startFunctions(resources, options);
  return running;
}

const runsOf = ({ lines }: FunctionCloud, name: string) =>
  lines.filter(({ functionName, line }) => functionName === name && line.startsWith('START')).length;

async function settled({ cloud }: FunctionCloud): Promise<void> {
  await cloud.clock.pass(1);
  while (!cloud.idle()) await new Promise((turn) => setTimeout(turn, 5));
}

async function drained(functions: FunctionCloud): Promise<void> {
  const { cloud } = functions;
  for (;;) {
    await settled(functions);
    const nextMs = cloud.nextEventMs();
    if (nextMs === undefined) return;
    await cloud.clock.pass(Math.max(1, nextMs - cloud.clock.now()));
  }
}

async function failedOf({ cloud }: FunctionCloud) {
  const bodies = (await cloud.sqs.receive(cloud.sqs.arnOf('failed'))).map(({ body }) => body);
  return bodies.map((body) => JSON.parse(body) as Record<string, unknown>);
}

it('runs each subscribed function once with the event that Lambda documents', async () => {
  const functions = await start(RESOURCES);
  const messageId = functions.cloud.sns.publish(TOPIC, { subject: 'Down', message: 'the provider is down' });
  await drained(functions);
  expect(runsOf(functions, 'works')).toBe(1);
  const [failed] = await failedOf(functions);
  expect(failed?.requestPayload).toEqual({
    Records: [
      {
        EventSource: 'aws:sns',
        EventVersion: '1.0',
        EventSubscriptionArn: expect.stringMatching(`^${TOPIC}:`),
        Sns: expect.objectContaining({
          Type: 'Notification',
          MessageId: messageId,
          TopicArn: TOPIC,
          Subject: 'Down',
          Message: 'the provider is down',
          Timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
          MessageAttributes: {},
        }),
      },
    ],
  });
});

it('tries a function that fails twice more, one and two minutes later, and then keeps the event', async () => {
  const functions = await start(RESOURCES);
  const beganMs = functions.cloud.clock.now();
  functions.cloud.sns.publish(TOPIC, { message: 'x' });
  await settled(functions);
  expect(runsOf(functions, 'broken')).toBe(1);
  expect(await failedOf(functions)).toEqual([]);
  await drained(functions);
  expect(runsOf(functions, 'broken')).toBe(3);
  expect((functions.cloud.clock.now() - beganMs) / 1000).toBeGreaterThanOrEqual(180);
  expect(await failedOf(functions)).toMatchObject([
    {
      version: '1.0',
      requestContext: {
        functionArn: `${functionArn('broken')}:$LATEST`,
        condition: 'RetriesExhausted',
        approximateInvokeCount: 3,
      },
      responseContext: { statusCode: 200, functionError: 'Unhandled' },
      responsePayload: { errorMessage: expect.stringContaining('a-module-that-nobody-has') },
    },
  ]);
});

it('goes on after a restart with the tries that are left', async () => {
  using directory = temporaryDirectory();
  const before = await start(RESOURCES, { dataDirectory: directory.path });
  before.cloud.sns.publish(TOPIC, { message: 'x' });
  await settled(before);
  await before.stop();
  const after = await start(RESOURCES, { dataDirectory: directory.path });
  await drained(after);
  expect([runsOf(before, 'broken'), runsOf(after, 'broken')]).toEqual([1, 2]);
  expect(await failedOf(after)).toHaveLength(1);
});

it('gives a message for a function that is not there to the dead-letter queue of the subscription', async () => {
  const functions = await start({
    Topic: RESOURCES.Topic,
    ...FAILED,
    ToNobody: subscription(functionArn('nobody'), {
      RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Failed', 'Arn'] } },
    }),
  });
  functions.cloud.sns.publish(TOPIC, { message: 'x' });
  expect(await failedOf(functions)).toMatchObject([{ Type: 'Notification', Message: 'x' }]);
});

it('gives a message for a function that does not let SNS in to the dead-letter queue of the subscription', async () => {
  const functions = await start({
    Topic: RESOURCES.Topic,
    ...FAILED,
    Works: RESOURCES.Works,
    ToWorks: subscription(
      { 'Fn::GetAtt': ['Works', 'Arn'] },
      { RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['Failed', 'Arn'] } } },
    ),
  });
  functions.cloud.sns.publish(TOPIC, { message: 'x' });
  await drained(functions);
  expect(runsOf(functions, 'works')).toBe(0);
  expect(await failedOf(functions)).toMatchObject([{ Type: 'Notification', Message: 'x' }]);
});

it.each([
  ['a raw message for a function', subscription(functionArn('works'), { RawMessageDelivery: true })],
  ['an endpoint that is no function', subscription('arn:aws:sqs:us-east-1:000000000000:queue')],
])('refuses %s', async (_, ToIt) => {
  await expect(start({ Topic: RESOURCES.Topic, ToIt })).rejects.toThrow('Invalid parameter');
});

it('refuses to hand failed events to anything but a queue', async () => {
  const { Works } = RESOURCES;
  const refused = start({ Works, Kept: ofEvents('Works', TOPIC as unknown as object) });
  await expect(refused).rejects.toThrow(LocalCloudError);
  await expect(refused).rejects.toThrow('The local cloud knows SQS queues as such destinations');
});
