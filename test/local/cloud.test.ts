import { cpSync, mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LocalCloud, startLocalCloud } from '../../local/cloud.ts';
import { RunningClock } from '../../local/kernel/clock.ts';
import { functionAssembly, functionResource } from './lambda/function-cloud.ts';
import { writeAssembly } from './template/write-assembly.ts';

const template = {
  Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'queue' } },
  Unmapped: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'unmapped' } },
  Probe: functionResource('probe'),
  Mapping: {
    Type: 'AWS::Lambda::EventSourceMapping',
    Properties: { EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] }, FunctionName: { Ref: 'Probe' } },
  },
};

let dataDirectory: string;
let cloud: LocalCloud | undefined;

beforeEach(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'state-'));
});

afterEach(() => cloud?.stop());

const assembly = functionAssembly(template);

async function start(options: { clock?: RunningClock; port?: number } = {}): Promise<LocalCloud> {
  cloud = await startLocalCloud({ assembly, dataDirectory, ...options });
  return cloud;
}

async function restart(options: { clock?: RunningClock } = {}): Promise<LocalCloud> {
  await cloud?.stop();
  return start(options);
}

function clientSettings({ endpoint, region }: LocalCloud) {
  return { endpoint, region, credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((turn) => setImmediate(turn));
}

describe('the local cloud', () => {
  it('is found by an SDK that has nothing but its environment', async () => {
    const { environment, sqs } = await start();
    expect(Object.keys(environment)).toEqual([
      'AWS_ENDPOINT_URL',
      'AWS_REGION',
      'AWS_DEFAULT_REGION',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
    ]);
    expect(sqs.queueUrl('queue').startsWith(String(environment.AWS_ENDPOINT_URL))).toBe(true);
  });

  it('is idle when nothing runs and no mapped queue has a visible message', async () => {
    const running = await start();
    const client = new SQSClient(clientSettings(running));
    await client.send(
      new SendMessageCommand({ QueueUrl: running.sqs.queueUrl('unmapped'), MessageBody: '{}' }),
    );
    expect(running.idle()).toBe(true);
    await client.send(new SendMessageCommand({ QueueUrl: running.sqs.queueUrl('queue'), MessageBody: '{}' }));
    expect(running.idle()).toBe(false);
    await until(() => running.idle());
    expect(running.sqs.counts(running.sqs.arnOf('queue'))).toMatchObject({ visible: 0, notVisible: 0 });
  });

  it('keeps messages over a restart', async () => {
    const first = await start();
    await new SQSClient(clientSettings(first)).send(
      new SendMessageCommand({ QueueUrl: first.sqs.queueUrl('unmapped'), MessageBody: 'kept' }),
    );
    const second = await restart();
    const { Messages } = await new SQSClient(clientSettings(second)).send(
      new ReceiveMessageCommand({ QueueUrl: second.sqs.queueUrl('unmapped') }),
    );
    expect(Messages?.map(({ Body }) => Body)).toEqual(['kept']);
  });

  it('never lets time go back over a restart', async () => {
    await start();
    await cloud?.clock.advance(24 * 3600 * 1000);
    const endedMs = cloud?.clock.now() ?? 0;
    expect((await restart()).clock.now()).toBeGreaterThanOrEqual(endedMs);
  });

  it('never lets time go back after a death without goodbye', async () => {
    const dying = await start();
    await dying.clock.advance(24 * 3600 * 1000);
    const copy = mkdtempSync(join(tmpdir(), 'copied-state-'));
    const diedMs = dying.clock.now();
    cpSync(dataDirectory, copy, { recursive: true });
    const next = await startLocalCloud({ assembly, dataDirectory: copy });
    expect(next.clock.now()).toBeGreaterThanOrEqual(diedMs);
    await next.stop();
  });

  it('refuses a clock that is behind its state', async () => {
    await start();
    await cloud?.clock.advance(24 * 3600 * 1000);
    await cloud?.stop();
    cloud = undefined;
    await expect(start({ clock: new RunningClock() })).rejects.toMatchObject({ code: 'CLOCK_BEHIND' });
  });

  it('keeps what was changed by the API over a restart', async () => {
    const first = await start();
    const client = new LambdaClient(clientSettings(first));
    const { EventSourceMappings = [] } = await client.send(new ListEventSourceMappingsCommand());
    await client.send(
      new UpdateEventSourceMappingCommand({ UUID: EventSourceMappings[0]?.UUID, Enabled: false }),
    );
    const second = await restart();
    expect([...second.lambda.mappings.values()][0]?.state).toBe('Disabled');
  });

  it('keeps that a bound was taken away, and no change that was refused', async () => {
    const bounded = {
      ...template,
      Mapping: {
        ...template.Mapping,
        Properties: { ...template.Mapping.Properties, ScalingConfig: { MaximumConcurrency: 5 } },
      },
    };
    const options = { assembly: functionAssembly(bounded), dataDirectory };
    cloud = await startLocalCloud(options);
    const client = new LambdaClient(clientSettings(cloud));
    const [UUID] = cloud.lambda.mappings.keys();
    await client.send(new UpdateEventSourceMappingCommand({ UUID, ScalingConfig: {} }));
    await expect(
      client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false })),
    ).rejects.toMatchObject({ name: 'ResourceInUseException' });
    await cloud.stop();
    cloud = await startLocalCloud(options);
    const [mapping] = cloud.lambda.mappings.values();
    expect(mapping?.configuration).toMatchObject({ enabled: true, maximumConcurrency: undefined });
  });

  it('keeps the events of asynchronous invocations over a restart', async () => {
    const first = await start();
    const Payload = '{"do":"fail"}';
    await new LambdaClient(clientSettings(first)).send(
      new InvokeCommand({ FunctionName: 'probe', InvocationType: 'Event', Payload }),
    );
    await until(() => !first.lambda.busy);
    expect((await restart()).lambda.pendingEvents).toBe(1);
  });

  it('ends what runs when it stops, and gives its messages back in time', async () => {
    const running = await start({ clock: new RunningClock() });
    const sleeping = running.lambda.invoke('probe', '{"do":"sleep","ms":60000}');
    await until(() => running.lambda.running === 1);
    const stopped = running.stop();
    cloud = undefined;
    await running.clock.advance(10_000);
    expect((await sleeping).payload).toContain('Runtime.ExitError');
    await stopped;
  });

  it('says which port is in use, and leaves nothing behind', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((ready) => server.once('listening', ready));
    const port = (server.address() as { port: number }).port;
    await expect(start({ port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`${port}`),
    });
    server.close();
    await start();
  });

  it('refuses a template with a resource that it does not know, and leaves nothing behind', async () => {
    const odd = writeAssembly({ App: { template: { Resources: { Odd: { Type: 'AWS::Odd::Thing' } } } } });
    await expect(startLocalCloud({ assembly: odd, dataDirectory })).rejects.toMatchObject({
      code: 'UNKNOWN_RESOURCE',
      message: expect.stringMatching(/App\/Odd.*AWS::Odd::Thing/),
    });
    await start();
  });

  it('takes region and account from stacks that are bound to them', async () => {
    const environment = 'aws://123456789012/eu-north-1';
    const Resources = { Queue: template.Queue };
    cloud = await startLocalCloud({
      assembly: writeAssembly({ App: { template: { Resources }, environment } }),
    });
    expect(cloud.sqs.arnOf('queue')).toBe('arn:aws:sqs:eu-north-1:123456789012:queue');
  });
});
