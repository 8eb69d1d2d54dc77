import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { AwsError } from '../../../local/kernel/errors.ts';
import { CardProvider } from '../../../samples/card-provider/card-provider.ts';
import type { Job } from '../../../shared/jobs/define-job.ts';
import { cardProviderSecretName, functionName } from '../../../shared/jobs/names.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { answers, DeliveryLab } from '../../functions/deliver-webhook/delivery-lab.ts';
import { ReportLab } from '../../functions/generate-report/report-lab.ts';
import { WebhookLab } from '../../functions/webhook-ingress/webhook-lab.ts';
import { recordCalls } from '../../lab/call-log.ts';
import { STAGE } from '../../lab/global-setup.ts';
import type { Lab } from '../../lab/lab.ts';
import { type Access, Accesses } from './access-of.ts';
import type { FunctionRole } from './compare.ts';

const {
  sendEmail,
  processPayment,
  placeOrder,
  chargeCard,
  generateReport,
  processWebhook,
  fanOutEvent,
  deliverWebhook,
} = JOBS;
/** A consumer's calls begin with hiding its batch and claiming a key. */
const CLAIM = 2;
const SEND = 'POST /v2/email/outbound-emails';

export interface Exercised {
  /** What the functions did, call by call. */
  readonly accesses: readonly Access[];
  /** What their roles allow, with every reference resolved. */
  readonly roles: readonly FunctionRole[];
}

/** Runs every job type of the deployed template well, and through the failures in which its functions call more than on the good way. */
export async function exercise(): Promise<Exercised> {
  const reports = await ReportLab.start();
  const { lab } = reports;
  const provider = await CardProvider.start();
  try {
    await fillIn(lab, provider);
    const calls = recordCalls(lab.cloud.faults);
    await runConsumers(lab);
    await runReports(reports);
    await runWebhooks(lab);
    await runDeliveries(lab);
    const accesses = new Accesses(lab.cloud);
    return { accesses: calls.flatMap((call) => accesses.of(call)), roles: rolesOf(lab) };
  } finally {
    await reports.stop();
    await provider.stop();
  }
}

async function runConsumers(lab: Lab): Promise<void> {
  let made = 0;
  const payment = (accountId = 'acc-1') => ({
    transactionId: `tx-r${++made}`,
    accountId,
    amountMinor: 5,
    currency: 'EUR',
  });
  const order = (sku = 'TEA') => ({
    reference: `R-r${++made}`,
    customer: { name: 'Kim', email: 'kim@example.com' },
    lines: [{ sku, title: 'Sencha, 100 g', quantity: 1, unitPriceMinor: 1490 }],
    currency: 'EUR',
  });
  const mail = (to = 'kim@example.com') => ({
    notificationId: `welcome-${++made}`,
    to,
    message: { template: 'welcome' as const, values: { name: 'Kim' } },
  });
  const charge = () => ({
    chargeId: `charge-r${++made}`,
    customer: 'cus_kim',
    paymentMethod: 'pm_card_visa',
    amountMinor: 1250,
    currency: 'EUR',
  });
  await runInAllWays(lab, processPayment, payment);
  await runInAllWays(lab, placeOrder, order);
  await runInAllWays(lab, sendEmail, mail);
  await runInAllWays(lab, chargeCard, charge);
  await lab.publish(processPayment, payment('acc-none'));
  await lab.publish(placeOrder, order('NOTHING'));
  // Before SES has it there is no event to find, and the job asks for later.
  for (const moment of ['before', 'after'] as const) {
    let left = 1;
    const end = lab.cloud.faults.killWhen(
      (call) => call.operation === SEND && call.moment === moment && left-- > 0,
    );
    await lab.publish(sendEmail, mail());
    await lab.drain();
    end();
  }
  // SES finds fault with an address that the contract takes.
  const lift = lab.cloud.faults.add(({ operation, moment }) =>
    operation === SEND && moment === 'before'
      ? new AwsError('BadRequestException', 'Invalid domain name: example')
      : undefined,
  );
  await lab.publish(sendEmail, mail('kim@nowhere.example'));
  await lab.drain();
  lift();
}

/** Well; again under another id; with its process killed before its end is recorded; and killed once it has its claim, so that it expires before it is tried again. */
async function runInAllWays<Payload, Input>(
  lab: Lab,
  job: Job<Payload, Input>,
  payload: () => Input,
): Promise<void> {
  const { faults, clock } = lab.cloud;
  let calls = 0;
  let killedAt = Number.POSITIVE_INFINITY;
  const lift = faults.add(({ functionName: name, moment }) => {
    if (name !== functionName(STAGE, job.type) || moment !== 'after') return undefined;
    return ++calls === killedAt ? 'kill' : undefined;
  });
  const done = payload();
  await lab.publish(job, done);
  await lab.drain();
  const callsOfOne = calls;
  await lab.publish(job, done);
  await lab.drain();
  calls = 0;
  killedAt = callsOfOne - 1;
  await lab.publish(job, payload());
  await lab.drain();
  calls = 0;
  killedAt = CLAIM;
  await lab.publish(job, payload(), { expiryTime: new Date(clock.now() + 30_000) });
  await lab.drain();
  lift();
}

async function runReports(reports: ReportLab): Promise<void> {
  const { lab } = reports;
  await runInAllWays(lab, generateReport, () => reports.report({ assets: [] }));
  await reports.run(reports.report());
  // A stage that fails until the execution has: its job is a dead letter, and its redrive resumes there.
  const lift = lab.cloud.faults.add(({ functionName: name, service, moment }) =>
    name === reports.functionOf('record') && service === 'dynamodb' && moment === 'before'
      ? new AwsError('InternalServerError', 'No answer.', 500)
      : undefined,
  );
  await reports.run(reports.report());
  lift();
  // Its environments know by then that they are to be asked anew.
  await lab.advance(120);
  await lab.redrive(generateReport);
  await lab.drain();
  await runSweep(reports);
}

/** No event tells how the last report ended. */
async function runSweep(reports: ReportLab): Promise<void> {
  const { lab } = reports;
  const lift = lab.cloud.faults.lose(({ source }) => source === 'aws.states');
  await lab.publish(generateReport, reports.report({ assets: [] }));
  await lab.drain();
  lift();
  lab.runSchedules(true);
  await lab.advance(1500);
  lab.runSchedules(false);
  await lab.drain();
}

/** Each provider has a secret of its own. */
async function runWebhooks(lab: Lab): Promise<void> {
  let made = 0;
  await runInAllWays(lab, processWebhook, () => {
    const id = `o-r${++made}`;
    const event = { type: 'order.placed', timestamp: '2026-11-25T10:00:00Z', data: { id, version: 1 } };
    return { provider: 'acme-shop', eventId: id, event };
  });
  const webhooks = await WebhookLab.on(lab);
  await webhooks.deliverEvent('evt-r', webhooks.event('o-url', 1, 'order.placed'));
  await webhooks.deliverStripe({ id: 'evt_r', object: 'event' });
  await lab.drain();
}

/** To an endpoint that is well, that fails once, and that is gone. */
async function runDeliveries(lab: Lab): Promise<void> {
  const deliveries = await DeliveryLab.in(lab);
  try {
    const customer = await deliveries.customer({ contact: 'kim@example.com' });
    const { tenant } = customer.endpoint;
    await runInAllWays(lab, fanOutEvent, () => ({ tenant, event: deliveries.event() }));
    await runInAllWays(lab, deliverWebhook, () => deliveries.delivery(customer));
    for (const status of [503, 410]) {
      const before = customer.received.length;
      customer.answer = (response, nth) => answers(nth === before + 1 ? status : 204)(response, nth);
      await deliveries.run(deliveries.delivery(customer));
    }
  } finally {
    deliveries.close();
  }
}

function rolesOf(lab: Lab): FunctionRole[] {
  const { deployment, iam } = lab.cloud;
  return deployment.ofType('AWS::Lambda::Function').map(({ properties }) => ({
    functionName: String(properties.FunctionName),
    statements: iam.statementsOf(String(properties.Role)),
  }));
}

/** As an operator does after a deployment. */
async function fillIn({ cloud: { endpoint, region } }: Lab, { url, apiKey }: CardProvider): Promise<void> {
  const secrets = new SecretsManagerClient({
    endpoint,
    region,
    credentials: { accessKeyId: 'operator', secretAccessKey: 'operator' },
  });
  await secrets.send(
    new PutSecretValueCommand({
      SecretId: cardProviderSecretName(STAGE),
      SecretString: JSON.stringify({ url, apiKey }),
    }),
  );
  secrets.destroy();
}
