import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fault, ObservedCall } from '../../../local/faults/index.ts';
import { AwsError } from '../../../local/kernel/errors.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { WEBHOOK_METRICS } from '../../../shared/webhooks/metrics.ts';
import { newStandardSecret } from '../../../shared/webhooks/standard-webhooks.ts';
import { type Reply, WebhookLab } from './webhook-lab.ts';

let webhooks: WebhookLab;
beforeAll(async () => {
  webhooks = await WebhookLab.start();
});
afterAll(() => webhooks?.stop());

const HOUR = 3600;
const DENIED = new AwsError('AccessDeniedException', 'Not allowed.', 400);
const FAILED = new AwsError('InternalServerError', 'No answer.', 500);

const placed = () => {
  const id = webhooks.id();
  return { id, body: JSON.stringify(webhooks.event(id, 1, 'order.placed')) };
};

/** Lets a fault befall the ingress's calls of a service, the first so many. */
function befall(
  service: string,
  moment: ObservedCall['moment'],
  fault: Fault,
  times = Number.POSITIVE_INFINITY,
) {
  let left = times;
  return webhooks.lab.cloud.faults.add((call) =>
    call.functionName === webhooks.ingress && call.service === service && call.moment === moment && left-- > 0
      ? fault
      : undefined,
  );
}

function expectLater(reply: Reply, says: RegExp): void {
  expect(reply.status).toBe(503);
  expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(reply.body.error).toMatch(says);
  // What is wrong here is nobody else's business.
  expect(reply.body.error).not.toMatch(/honest-jobs|secret|sqs|Denied/i);
}

/** The provider's own try after a refusal: one effect, and no other trace. */
async function expectHarmlessRetry(delivery: { id: string; body: string }): Promise<void> {
  await webhooks.lab.advance(31);
  expect(await webhooks.deliver(delivery)).toMatchObject({ status: 202 });
  await webhooks.lab.drain();
  expect(await webhooks.row(`order/${delivery.id}`)).toMatchObject({ state: 'placed', changes: 1 });
  expect(await webhooks.record(delivery.id)).toMatchObject({ state: 'completed' });
  expect(await webhooks.lab.deadLetters(JOBS.processWebhook)).toEqual([]);
}

describe('a webhook is asked for again, and its retry is harmless,', () => {
  it.each([
    ['refuses the message', 'before', DENIED],
    ['fails', 'before', FAILED],
    ['takes the message and its answers are lost', 'after', FAILED],
  ] as const)('when SQS %s', async (_, moment, fault) => {
    const delivery = placed();
    const lift = befall('sqs', moment, fault);
    expectLater(await webhooks.deliver(delivery), /could not be put into the queue/);
    lift();
    await expectHarmlessRetry(delivery);
  });

  it.each([
    ['before', 'its message is sent'],
    ['after', 'its message is in the queue'],
  ] as const)('when the ingress is killed %s %s', async (moment, _) => {
    const delivery = placed();
    const lift = befall('sqs', moment, 'kill', 1);
    const reply = await webhooks.deliver(delivery);
    lift();
    expect(reply.status).toBe(502);
    await expectHarmlessRetry(delivery);
  });

  it('when its secret cannot be read', async () => {
    await webhooks.killIngress();
    const delivery = placed();
    const lift = befall('secretsmanager', 'before', DENIED);
    expectLater(await webhooks.deliver(delivery), /not ready to verify/);
    lift();
    await expectHarmlessRetry(delivery);
  });

  it('when its secret could not be read a moment ago, and nobody’s requests cause more than a read in five seconds', async () => {
    await webhooks.killIngress();
    const delivery = placed();
    let reads = 0;
    const lift = webhooks.lab.cloud.faults.add((call) => {
      if (call.functionName !== webhooks.ingress || call.service !== 'secretsmanager') return undefined;
      if (call.moment === 'before') reads++;
      return call.moment === 'before' ? DENIED : undefined;
    });
    for (let request = 0; request < 5; request++)
      expectLater(await webhooks.deliver(delivery), /not ready to verify/);
    expect(reads).toBe(1);
    await webhooks.lab.advance(6);
    expectLater(await webhooks.deliver(delivery), /not ready to verify/);
    expect(reads).toBe(2);
    lift();
    await expectHarmlessRetry(delivery);
  });

  it.each([
    ['nobody has filled in', { secrets: [], notFilledIn: 'x' }],
    ['is no JSON', 'whsec_…'],
    ['holds what is no secret', { secrets: ['whsec_short', 7] }],
    ['holds a secret of another kind', { secrets: [`whsec_${'_'.repeat(40)}`] }],
  ])('when its secret %s, and it is taken within half a minute after that is mended', async (_, secret) => {
    await webhooks.killIngress();
    await webhooks.fillIn('acme-shop', secret);
    const delivery = placed();
    expectLater(await webhooks.deliver(delivery), /not ready to verify/);
    await webhooks.fillIn('acme-shop', { secrets: [webhooks.shopSecret] });
    await expectHarmlessRetry(delivery);
  });
});

it('a secret is made with nothing in it that verifies', async () => {
  const fresh = await WebhookLab.start({ fillIn: false });
  for (const provider of ['acme-shop', 'stripe'])
    expect(await fresh.secretOf(provider)).toMatchObject({ secrets: [] });
  expect(await fresh.deliver({ id: 'evt-1', body: '{}' })).toMatchObject({ status: 503 });
  await fresh.stop();
});

async function alarmsThatAreOn(): Promise<readonly (string | undefined)[]> {
  const { endpoint, region } = webhooks.lab.cloud;
  const credentials = { accessKeyId: 'operator', secretAccessKey: 'operator' };
  const cloudwatch = new CloudWatchClient({ endpoint, region, credentials });
  const { MetricAlarms = [] } = await cloudwatch.send(
    new DescribeAlarmsCommand({ AlarmNamePrefix: webhooks.ingress, StateValue: 'ALARM' }),
  );
  cloudwatch.destroy();
  return MetricAlarms.map(({ AlarmName }) => AlarmName).sort();
}

describe('what is seen of it:', () => {
  it('each refusal is counted by its reason, and no log holds a body, a signature or a secret', async () => {
    const from = webhooks.lab.logs.length;
    const { id, body } = placed();
    const request = webhooks.request({ id, body });
    await webhooks.send(request.clone());
    await webhooks.deliver({ id, body, secrets: [newStandardSecret()] });
    await webhooks.deliver({ id, body, atMs: 0 });
    await webhooks.deliver({ id, body: 'no JSON' });
    await webhooks.deliver({ id, body, path: 'nobody' });
    await webhooks.deliver({ id, body: 'x'.repeat(300_000) });
    const lines = webhooks.lab.logs.slice(from);
    const metrics = lines
      .filter((line) => line.includes('"_aws"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ service }) => service === 'webhook-ingress');
    const refused = metrics.filter((metric) => WEBHOOK_METRICS.refused in metric);
    expect(refused.map(({ reason }) => reason)).toEqual([
      'signature',
      'timestamp',
      'body',
      'provider',
      'size',
    ]);
    expect(metrics.filter((metric) => WEBHOOK_METRICS.received in metric)).toHaveLength(1);
    const all = lines.join('\n');
    for (const kept of [body, 'no JSON', request.headers.get('webhook-signature'), webhooks.shopSecret])
      expect(all).not.toContain(kept);
  });

  it('an alarm when webhooks cannot be taken, one when signatures do not fit, and their ends', async () => {
    await webhooks.lab.advance(HOUR);
    expect(await alarmsThatAreOn()).toEqual([]);
    const lift = befall('sqs', 'before', DENIED);
    await webhooks.deliver(placed());
    lift();
    for (let tries = 0; tries < 10; tries++)
      await webhooks.deliver({ ...placed(), secrets: [newStandardSecret()] });
    const on = new Set<string | undefined>();
    for (let minute = 0; minute < 10; minute++) {
      await webhooks.lab.advance(60);
      for (const name of await alarmsThatAreOn()) on.add(name);
    }
    expect([...on].sort()).toEqual([
      'honest-jobs-dev-webhook-ingress-acme-shop-no-signature-fits-warning',
      'honest-jobs-dev-webhook-ingress-webhook-errors-warning',
      'honest-jobs-dev-webhook-ingress-webhook-signatures-warning',
    ]);
    await webhooks.lab.advance(HOUR);
    expect(await alarmsThatAreOn()).toEqual([]);
  });

  it('an alarm for a provider none of whose signatures fit, however few they are, and none for another', async () => {
    await webhooks.lab.advance(2 * HOUR);
    const wrong = () => webhooks.deliver({ ...placed(), secrets: [newStandardSecret()] });
    await wrong();
    await webhooks.lab.advance(HOUR / 2);
    expect(await alarmsThatAreOn()).toEqual([
      'honest-jobs-dev-webhook-ingress-acme-shop-no-signature-fits-warning',
    ]);
    await webhooks.lab.advance(2 * HOUR);
    await webhooks.deliver(placed());
    await wrong();
    await webhooks.lab.advance(60);
    expect(await alarmsThatAreOn()).toEqual([]);
  });
});
