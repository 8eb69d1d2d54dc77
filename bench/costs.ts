/** `npm run costs`: what a million jobs of each type cost, from what a few of them took of the local cloud, and what a stage costs at idle. */
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { DEPLOYED_APP, synthesize } from '../cli/synth.ts';
import { readAssembly } from '../local/template/assembly.ts';
import { CardProvider } from '../samples/card-provider/card-provider.ts';
import type { AnyJob, Job } from '../shared/jobs/define-job.ts';
import { METRICS } from '../shared/jobs/metrics.ts';
import { cardProviderSecretName, tableName } from '../shared/jobs/names.ts';
import { JOBS } from '../shared/jobs/registry.ts';
import { DeliveryLab } from '../test/functions/deliver-webhook/delivery-lab.ts';
import { WebhookLab } from '../test/functions/webhook-ingress/webhook-lab.ts';
import { recordCalls } from '../test/lab/call-log.ts';
import { Lab } from '../test/lab/lab.ts';
import { type IdleItem, idleMonth } from './idle.ts';
import { PER_MONTH, PRICES_OF } from './prices.ts';
import { printTable, short } from './report.ts';
import { billed, indexKeys, priceOf, sum, type Usage } from './usage.ts';

const STAGE = 'dev';
/** So many are published in one go: two full batches. */
const JOBS_OF_A_TYPE = 20;
/** Fewer, since a report is a hundred times the work. */
const REPORTS = 2;
/** Rounds before the count: environments start and secrets are read once for many jobs. */
const WARM_UP = 1;

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

/** Lines that Lambda adds to each message cost as much as their bytes and 26 each. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html */
const BYTES_A_LINE = 26;
const REPORT = /^REPORT .*\tBilled Duration: (\d+) ms\tMemory Size: (\d+) MB/;

const { directory } = await synthesize(STAGE, DEPLOYED_APP);
const lab = await Lab.start({ assembly: directory, stage: STAGE, maxWorkers: 2 });
const provider = await CardProvider.start();
const webhooks = await WebhookLab.on(lab);
const deliveries = await DeliveryLab.in(lab);
try {
  await open();
  const { tenant, endpointId } = (await deliveries.customer()).endpoint;
  const rows = [
    await cost(sendEmail, JOBS_OF_A_TYPE, (n) => ({
      notificationId: `mail-${n}`,
      to: 'kim@example.com',
      message: { template: 'welcome' as const, values: { name: 'Kim' } },
    })),
    await cost(processPayment, JOBS_OF_A_TYPE, (n) => ({
      transactionId: `tx-${n}`,
      accountId: `acc-${n}`,
      amountMinor: 5,
      currency: 'EUR',
    })),
    await cost(placeOrder, JOBS_OF_A_TYPE, (n) => ({
      reference: `R-${n}`,
      customer: { name: 'Kim', email: 'kim@example.com' },
      lines: [{ sku: `SKU-${n}`, title: 'Sencha, 100 g', quantity: 1, unitPriceMinor: 1490 }],
      currency: 'EUR',
    })),
    await cost(chargeCard, JOBS_OF_A_TYPE, (n) => ({
      chargeId: `charge-${n}`,
      customer: 'cus_kim',
      paymentMethod: 'pm_card_visa',
      amountMinor: 1250,
      currency: 'EUR',
    })),
    await cost(generateReport, REPORTS, (n) => ({
      reportId: `report-${n}`,
      title: 'Orders and payments',
      period: { from: '2026-11-01', to: '2026-11-30' },
      email: 'boss@example.com',
      assets: [],
    })),
    await costOf(processWebhook, JOBS_OF_A_TYPE, async (round) => {
      const ids = Array.from({ length: JOBS_OF_A_TYPE }, (_, n) => `o-${round}-${n}`);
      const replies = await Promise.all(
        ids.map((id) => webhooks.deliverEvent(id, webhooks.event(id, 1, 'order.placed'))),
      );
      if (replies.some(({ status }) => status !== 202)) throw new Error('A webhook was not taken.');
      // Its publisher is the ingress, whose calls are counted.
      return 0;
    }),
    await cost(fanOutEvent, JOBS_OF_A_TYPE, (n) => ({ tenant, event: deliveries.event(`fanned-${n}`) })),
    await cost(deliverWebhook, JOBS_OF_A_TYPE, (n) => ({
      tenant,
      endpointId,
      event: deliveries.event(`event-${n}`),
    })),
  ];
  console.log(`$ per million jobs, prices of ${PRICES_OF}; nothing fails, ten a batch, items up to 1 KB`);
  printTable(
    ['job type', 'SQS', 'Lambda', 'DynamoDB', 'logs', 'SES', 'other', 'together', 'without SES'],
    rows,
  );
  await printIdle();
} finally {
  deliveries.close();
  await lab.stop();
  await provider.stop();
}

/** Runs some jobs of a type, and what they lead to: an order's e-mail is counted with it. @returns its row */
async function cost<Payload, Input>(
  job: Job<Payload, Input>,
  count: number,
  payload: (n: string) => Input,
): Promise<string[]> {
  return costOf(job, count, async (round) => {
    const publications = Array.from({ length: count }, (_, n) => ({ payload: payload(`${round}-${n}`) }));
    const { notAccepted } = await lab.publisher.publishMany(job, publications);
    if (notAccepted[0]) throw new Error(notAccepted[0].message);
    return Math.ceil(count / 10);
  });
}

/** @param send sends that many. @returns how many requests to SQS its publisher made, which is outside the cloud */
async function costOf(
  job: AnyJob,
  count: number,
  send: (round: number) => Promise<number>,
): Promise<string[]> {
  const publish = async (round: number): Promise<number> => {
    const requests = await send(round);
    await lab.drain();
    return requests;
  };
  for (let round = 0; round < WARM_UP; round++) await publish(round);
  const linesBefore = lab.logs.length;
  const mailsBefore = lab.cloud.ses.sent().length;
  const calls = recordCalls(lab.cloud.faults);
  const published = await publish(WARM_UP);
  const made = calls.slice();
  const lines = lab.logs.slice(linesBefore);
  const reports = lines.map((line) => REPORT.exec(line)).filter((match) => match !== null);
  const indexes = indexKeys(lab.cloud);
  const mails = lab.cloud.ses.sent().length - mailsBefore;
  const consumed = made.filter(({ operation }) => operation === 'ChangeMessageVisibilityBatch').length;
  const counts = sum([
    ...made.map((call) => billed(call, indexes)),
    // The publisher's SendMessageBatch; a mapping's receive and delete for each batch.
    { sqsRequests: published + 2 * consumed },
    // SES tells of each mail twice, by a topic, to a function that logs nothing.
    { invocations: reports.length + 2 * mails, notifications: 2 * mails },
    // What neither consumed a queue nor told the end of an execution was a stage.
    { stateTransitions: transitions(job, reports.length - consumed - count) },
  ]);
  const usage: Usage = {
    counts,
    gbSeconds: reports.reduce((all, [, ms, mb]) => all + (Number(ms) / 1000) * (Number(mb) / 1024), 0),
    loggedBytes: lines.reduce((all, line) => all + Buffer.byteLength(line) + BYTES_A_LINE, 0),
  };
  const perMillion = Object.values(priceOf(usage)).map((dollars) => (dollars / count) * 1e6);
  const together = perMillion.reduce((all, one) => all + one, 0);
  const [, , , , ses = 0] = perMillion;
  return [job.type, ...perMillion.map(short), short(together), short(together - ses)];
}

/** One for each state that an execution enters: a stage's task for each run, and each Map or Parallel around them. */
function transitions(job: object, stageRuns: number): number {
  const { stages } = job as { readonly stages?: readonly object[] };
  if (!stages) return 0;
  return stageRuns + REPORTS * stages.filter((stage) => Array.isArray(stage) || 'forEach' in stage).length;
}

async function printIdle(): Promise<void> {
  const prod = await synthesize('prod', DEPLOYED_APP);
  const ofDev = idleMonth(readAssembly(directory));
  const ofProd = idleMonth(readAssembly(prod.directory));
  const together = ({ number, each }: IdleItem): number => number * each;
  const inAll = (items: readonly IdleItem[]): string =>
    items.reduce((all, item) => all + together(item), 0).toFixed(2);
  console.log('\n$ a month at idle');
  printTable(
    ['what', 'dev', 'prod', 'each', 'dev, together', 'prod, together'],
    [
      ...ofDev.map((item, index) => {
        const other = ofProd[index] as IdleItem;
        return [
          item.what,
          String(item.number),
          String(other.number),
          item.each.toFixed(2),
          together(item).toFixed(2),
          together(other).toFixed(2),
        ];
      }),
      ['in all', '', '', '', inAll(ofDev), inAll(ofProd)],
    ],
  );
  const metrics = Object.keys(METRICS).length;
  console.log(
    `\nAnd each job type reports up to ${metrics} custom metrics: $${(metrics * PER_MONTH.customMetric).toFixed(2)} a month where jobs of it run in every hour, nothing where none does.`,
  );
}

/** Accounts, stock and the card provider, as an operator would open a shop. */
async function open(): Promise<void> {
  for (let round = 0; round <= WARM_UP; round++)
    for (let n = 0; n < JOBS_OF_A_TYPE; n++) {
      const put = (subject: 'accounts' | 'stock', Item: Record<string, unknown>) =>
        lab.dynamo.send(new PutCommand({ TableName: tableName(STAGE, subject), Item }));
      await put('accounts', { accountId: `acc-${round}-${n}`, balanceMinor: 10_000, currency: 'EUR' });
      await put('stock', { sku: `SKU-${round}-${n}`, available: 10 });
    }
  const { endpoint, region } = lab.cloud;
  const secrets = new SecretsManagerClient({
    endpoint,
    region,
    credentials: { accessKeyId: 'operator', secretAccessKey: 'operator' },
  });
  const { url, apiKey } = provider;
  await secrets.send(
    new PutSecretValueCommand({
      SecretId: cardProviderSecretName(STAGE),
      SecretString: JSON.stringify({ url, apiKey }),
    }),
  );
  secrets.destroy();
}
