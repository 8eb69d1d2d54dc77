import { LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { allowLoopback } from '../../cli/webhooks.ts';
import type { Receiver } from '../../samples/webhook-receiver/receiver.ts';
import { WebhookReceivers } from '../../samples/webhook-receiver/webhook-receivers.ts';
import { registerEndpoint } from '../../shared/client/endpoints.ts';
import { functionName } from '../../shared/jobs/names.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import { Lab } from '../lab/lab.ts';
import { CommandLab } from './command-lab.ts';

let lab: Lab;
let receivers: WebhookReceivers;
let commands: CommandLab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
  commands = CommandLab.on(lab);
  receivers = await WebhookReceivers.start({ now: () => lab.cloud.clock.now() });
  const lambda = new LambdaClient({
    endpoint: lab.cloud.endpoint,
    region: lab.cloud.region,
    credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
  });
  await allowLoopback(lambda, functionName(STAGE, JOBS.deliverWebhook.type));
  lambda.destroy();
});
afterAll(async () => {
  await commands.stop();
  await receivers.stop();
});

async function register(endpointId: string): Promise<Receiver> {
  const receiver = receivers.open(endpointId);
  const { secret } = await registerEndpoint(
    { tenant: 'shop', endpointId, url: receiver.url, eventTypes: ['order.*'] },
    { dynamo: lab.dynamo, stage: STAGE, now: () => lab.cloud.clock.now(), allowLoopback: true },
  );
  receiver.trust(secret);
  return receiver;
}

async function tell(id: string): Promise<void> {
  const occurredAt = new Date(lab.cloud.clock.now()).toISOString();
  await lab.publish(JOBS.fanOutEvent, {
    tenant: 'shop',
    event: { id, type: 'order.placed', occurredAt, data: { reference: 'R-1' } },
  });
}

const status = (id: string) => commands.atTerminal(undefined, 'status', id);

describe('honest-jobs status of a delivery', () => {
  it('tells each attempt that failed and why, that it waited, and that it was delivered', async () => {
    const receiver = await register('told');
    receiver.behave({ answer: 'unavailable', retryAfterSeconds: 30, times: 3 });
    await tell('e-1');
    await lab.settle();
    const waiting = await status('shop/told/e-1');
    expect(waiting.code).toBe(0);
    expect(waiting.stdout).toMatch(/^deliver-webhook#shop\/told\/e-1\n {2}id {8}shop\/told\/e-1\n/);
    expect(waiting.stdout).toMatch(/status {4}backing off until 2\S+Z, after 1 failed attempt/);
    expect(waiting.stdout).toMatch(
      /life 1, attempt 1: 2.*\n {6}HTTP_503: 127\.0\.0\.1:\d+ answered 503, and asks for 30 s\./,
    );
    await lab.drain();
    const { stdout } = await status('shop/told/e-1');
    expect(stdout).toMatch(/status {4}completed 2\S+Z, result \{"status":204,"deliveredAt":"2/);
    expect(stdout).toMatch(/post: done 2\S+Z/);
    expect(stdout.match(/ HTTP_503: /g)).toHaveLength(3);
    const log = (
      await commands.atTerminal(undefined, 'endpoints', 'deliveries', 'shop/told', '--event', 'e-1')
    ).stdout;
    expect(log).toContain('4 deliveries to shop/told');
    expect(log.match(/failed \(HTTP_503\)/g)).toHaveLength(3);
    expect(log).toMatch(/attempt 4: delivered \(204\) in .*, order\.placed e-1$/);
    expect(receiver.events).toMatchObject([{ id: 'e-1', deliveries: 1 }]);
  });

  it('tells that it waits while its endpoint rests, which costs no attempt', async () => {
    const receiver = await register('resting');
    receiver.behave({ answer: 'unavailable', times: 1 });
    await tell('e-2');
    await lab.settle();
    await tell('e-3');
    await lab.settle();
    const { stdout } = await status('shop/resting/e-3');
    expect(stdout).toMatch(/status {4}deferred until 2\S+Z.*Endpoint resting does not answer well/);
    expect(stdout).toContain('deferred 1 time');
    await lab.drain();
    expect((await status('shop/resting/e-3')).stdout).toMatch(/status {4}completed/);
    expect(receiver.events).toHaveLength(2);
  });

  it('tells why it ended as a dead letter, and the endpoint that it was disabled', async () => {
    (await register('gone')).behave({ answer: 'gone' });
    await tell('e-4');
    await lab.drain();
    expect((await status('shop/gone/e-4')).stdout).toMatch(
      /dead-lettered 2\S+Z because HTTP_410: 127\.0\.0\.1:\d+ answered 410: the endpoint is not there any more\./,
    );
    const listed = (await commands.atTerminal(undefined, 'endpoints', 'list', 'shop')).stdout;
    expect(listed).toMatch(/shop\/gone: disabled 2\S+Z: 127\.0\.0\.1:\d+ answered 410/);
    expect(listed).toContain('shop/told: enabled\n');
  });

  it('shows nothing of what the server answered, nor of the address beyond its host', async () => {
    const receiver = await register('secret-path');
    receiver.behave({ answer: 'unknown' });
    await tell('e-5');
    await lab.drain();
    const { stdout } = await status('shop/secret-path/e-5');
    expect(stdout).toContain('HTTP_404');
    expect(stdout).not.toContain('{"status":404}');
    expect(stdout.replaceAll('shop/secret-path', '')).not.toContain('/secret-path');
    const log = await commands.atTerminal(undefined, 'endpoints', 'deliveries', 'shop/secret-path', '--all');
    expect(log.stdout).toContain('answered: {"status":404}');
  });
});
