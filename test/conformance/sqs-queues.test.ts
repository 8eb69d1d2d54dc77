import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  PurgeQueueCommand,
  SetQueueAttributesCommand,
  TagQueueCommand,
  UntagQueueCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, SqsCloud } from './sqs-cloud.ts';

describe('SQS queues', () => {
  let cloud: SqsCloud;
  beforeAll(async () => {
    cloud = await SqsCloud.open();
  });
  afterAll(() => cloud.close());

  const create = (QueueName: string, Attributes = {}) =>
    cloud.client.send(new CreateQueueCommand({ QueueName, Attributes }));
  const set = (QueueUrl: string, Attributes: Record<string, string>) =>
    cloud.client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes }));

  it('have a URL that ends in account and name', async () => {
    const name = cloud.uniqueName();
    const { QueueUrl } = await create(name);
    expect(QueueUrl).toMatch(new RegExp(`/\\d{12}/${name}$`));
    expect((await cloud.client.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl).toBe(QueueUrl);
    await cloud.client.send(new DeleteQueueCommand({ QueueUrl }));
  });

  it('start with the documented defaults', async () => {
    const url = await cloud.queue();
    expect(await cloud.attributes(url)).toMatchObject({
      QueueArn: expect.stringMatching(/^arn:aws:sqs:[\w-]+:\d{12}:conformance-/),
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '0',
      ApproximateNumberOfMessagesDelayed: '0',
      CreatedTimestamp: expect.stringMatching(/^\d{10}$/),
      LastModifiedTimestamp: expect.stringMatching(/^\d{10}$/),
      VisibilityTimeout: '30',
      MaximumMessageSize: '1048576',
      MessageRetentionPeriod: '345600',
      DelaySeconds: '0',
      ReceiveMessageWaitTimeSeconds: '0',
      SqsManagedSseEnabled: 'true',
    });
  });

  it('created again with the same attributes are the same queue', async () => {
    const name = cloud.uniqueName();
    const first = await create(name, { DelaySeconds: '7' });
    expect((await create(name, { DelaySeconds: '7' })).QueueUrl).toBe(first.QueueUrl);
    expect((await create(name)).QueueUrl).toBe(first.QueueUrl);
    await cloud.client.send(new DeleteQueueCommand({ QueueUrl: first.QueueUrl }));
  });

  it('created again with another attribute value are refused', async () => {
    const name = cloud.uniqueName();
    const { QueueUrl } = await create(name, { DelaySeconds: '7' });
    expect(await failure(create(name, { DelaySeconds: '8' }))).toBe('QueueAlreadyExists');
    await cloud.client.send(new DeleteQueueCommand({ QueueUrl }));
  });

  it.each(['', 'a b', 'ä', 'x'.repeat(81)])('cannot be named %j', async (name) => {
    expect(await failure(create(name))).toBe('InvalidParameterValue');
  });

  it('that do not exist are reported as such by every way of naming them', async () => {
    const url = (await cloud.queue()).replace(/[^/]+$/, cloud.uniqueName());
    const missing = 'AWS.SimpleQueueService.NonExistentQueue';
    expect(await failure(cloud.client.send(new GetQueueUrlCommand({ QueueName: cloud.uniqueName() })))).toBe(
      missing,
    );
    expect(await failure(cloud.receive(url))).toBe(missing);
    expect(await failure(cloud.send(url, 'x'))).toBe(missing);
    expect(await failure(cloud.client.send(new DeleteQueueCommand({ QueueUrl: url })))).toBe(missing);
  });

  it('are listed by prefix, in pages', async () => {
    const prefix = cloud.uniqueName();
    const urls: string[] = [];
    for (const suffix of ['a', 'b', 'c']) urls.push((await create(`${prefix}-${suffix}`)).QueueUrl ?? '');
    const list = (NextToken?: string) =>
      cloud.client.send(new ListQueuesCommand({ QueueNamePrefix: prefix, MaxResults: 2, NextToken }));
    const first = await list();
    const second = await list(first.NextToken);
    expect(first.QueueUrls).toHaveLength(2);
    expect([...(first.QueueUrls ?? []), ...(second.QueueUrls ?? [])].sort()).toEqual(urls);
    expect(second.NextToken).toBeUndefined();
    for (const QueueUrl of urls) await cloud.client.send(new DeleteQueueCommand({ QueueUrl }));
  });

  it('change their attributes, and leave the others as they were', async () => {
    const url = await cloud.queue({ DelaySeconds: '7' });
    await set(url, { VisibilityTimeout: '99', Policy: '' });
    expect(await cloud.attributes(url)).toMatchObject({ VisibilityTimeout: '99', DelaySeconds: '7' });
  });

  it('answer only the attributes that were asked for', async () => {
    const url = await cloud.queue();
    const { Attributes } = await cloud.client.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['DelaySeconds'] }),
    );
    expect(Attributes).toEqual({ DelaySeconds: '0' });
  });

  it.each([
    ['VisibilityTimeout', '43201'],
    ['VisibilityTimeout', '-1'],
    ['MessageRetentionPeriod', '59'],
    ['MessageRetentionPeriod', '1209601'],
    ['DelaySeconds', '901'],
    ['ReceiveMessageWaitTimeSeconds', '21'],
    ['MaximumMessageSize', '1023'],
    ['MaximumMessageSize', '1048577'],
    ['DelaySeconds', 'soon'],
  ])('refuse %s %s', async (name, value) => {
    const url = await cloud.queue();
    expect(await failure(set(url, { [name]: value }))).toBe('InvalidAttributeValue');
  });

  it('refuse an attribute that there is not', async () => {
    const url = await cloud.queue();
    expect(await failure(set(url, { Colour: 'blue' }))).toBe('InvalidAttributeName');
  });

  it('keep a policy and server-side encryption as they were set', async () => {
    const url = await cloud.queue();
    const policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 'sqs:*',
          Resource: await cloud.arn(url),
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ],
    });
    await set(url, { Policy: policy, SqsManagedSseEnabled: 'false' });
    const { Policy, SqsManagedSseEnabled } = await cloud.attributes(url);
    expect([JSON.parse(Policy ?? ''), SqsManagedSseEnabled]).toEqual([JSON.parse(policy), 'false']);
  });

  it('keep tags until they are taken off', async () => {
    const url = await cloud.queue();
    await cloud.client.send(new TagQueueCommand({ QueueUrl: url, Tags: { a: '1', b: '2' } }));
    await cloud.client.send(new UntagQueueCommand({ QueueUrl: url, TagKeys: ['a'] }));
    expect((await cloud.client.send(new ListQueueTagsCommand({ QueueUrl: url }))).Tags).toEqual({ b: '2' });
  });

  it('lose all messages in a purge, visible, in flight and delayed ones', async (test) => {
    const url = await cloud.queue({ VisibilityTimeout: '1' });
    await cloud.send(url, 'one');
    await cloud.send(url, 'two');
    await cloud.receive(url);
    await cloud.client.send(new PurgeQueueCommand({ QueueUrl: url }));
    await cloud.pass(cloud.kind === 'aws' ? 60 : 2, test);
    expect(await cloud.receive(url)).toEqual([]);
  });

  it('are purged at most once in 60 seconds', async (test) => {
    const url = await cloud.queue();
    const purge = () => cloud.client.send(new PurgeQueueCommand({ QueueUrl: url }));
    await purge();
    expect(await failure(purge())).toBe('AWS.SimpleQueueService.PurgeQueueInProgress');
    await cloud.pass(61, test);
    await purge();
  });

  it('give their name free 60 seconds after they were deleted', async (test) => {
    const name = cloud.uniqueName();
    const { QueueUrl } = await create(name);
    await cloud.client.send(new DeleteQueueCommand({ QueueUrl }));
    if (cloud.kind === 'localstack') test.skip('LocalStack gives the name free at once');
    expect(await failure(create(name))).toBe('AWS.SimpleQueueService.QueueDeletedRecently');
    await cloud.pass(61, test);
    expect((await create(name)).QueueUrl).toBe(QueueUrl);
  });
});
