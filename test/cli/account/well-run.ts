import { createHash } from 'node:crypto';
import type { Evidence } from '../../../cli/account/evidence.ts';
import { judge, judgeSampleDay } from '../../../cli/account/promises.ts';
import type { FeedEntry } from '../../../cli/feed.ts';
import type { Opening } from '../../../cli/opening.ts';
import type { DeadLetter } from '../../../shared/client/dead-letters.ts';
import type { AnyJob } from '../../../shared/jobs/define-job.ts';
import { payloadHash } from '../../../shared/jobs/message.ts';
import { type JobRecord, jobPartitionKey } from '../../../shared/jobs/record.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { event, webhooksOfWellRun } from './webhook-run.ts';

const { sendEmail, processPayment, placeOrder, chargeCard, generateReport } = JOBS;
const { processWebhook, fanOutEvent, deliverWebhook } = JOBS;

export const opening: Opening = {
  accounts: [
    { accountId: 'a', balanceMinor: 100, currency: 'EUR' },
    { accountId: 'b', balanceMinor: 7, currency: 'EUR' },
  ],
  stock: [
    { sku: 'tea', available: 10 },
    { sku: 'pot', available: 3 },
  ],
};
export const payment = { transactionId: 't1', accountId: 'a', amountMinor: 50, currency: 'EUR' };
export const charge = {
  chargeId: 'c1',
  customer: 'cus_1',
  paymentMethod: 'pm_1',
  amountMinor: 999,
  currency: 'EUR',
};
export const chargeRow = { ...charge, state: 'succeeded' as 'succeeded' | 'declined' };
export const providerCharge = {
  reference: 'c1',
  amount: 999,
  currency: 'eur',
  status: 'succeeded' as 'succeeded' | 'failed',
};
const report = { reportId: 'r1' };
export const order = { reference: 'o1', lines: [{ sku: 'tea', quantity: 2 }] };

const entry = (job: AnyJob, key: string, data: unknown): FeedEntry => ({
  kind: 'job',
  afterSeconds: 0,
  id: undefined,
  job,
  key,
  data,
  payloadHash: payloadHash(data),
});
const malformed: FeedEntry = { kind: 'body', afterSeconds: 0, job: sendEmail, body: 'no JSON' };
const reused = entry(processPayment, 't1', { ...payment, amountMinor: 51 });
export const accepted: readonly FeedEntry[] = [
  entry(processPayment, 't1', payment),
  entry(processPayment, 't1', payment),
  reused,
  entry(processPayment, 't2', { ...payment, transactionId: 't2', accountId: 'nobody' }),
  entry(chargeCard, 'c1', charge),
  entry(chargeCard, 'c2', { ...charge, chargeId: 'c2' }),
  entry(placeOrder, 'o1', order),
  entry(generateReport, 'r1', report),
  entry(sendEmail, 'hello: you', { notificationId: 'hello: you' }),
  entry(sendEmail, 'suppressed', { notificationId: 'suppressed' }),
  malformed,
  malformed,
  entry(fanOutEvent, 'shop/e-1', { tenant: 'shop', event }),
];

export const record = (
  job: AnyJob,
  key: string,
  data: unknown,
  changes: Partial<JobRecord> = {},
): JobRecord => ({
  pk: jobPartitionKey(job.type, key),
  sk: 'job',
  jobId: key,
  status: 'COMPLETED',
  state: 'completed',
  owner: 'o',
  requestId: 'r',
  leaseUntilMs: 0,
  payloadHash: payloadHash(data),
  attempts: 1,
  life: 1,
  messageId: 'm',
  startedAtMs: 0,
  expiration: 9,
  ...changes,
});
export const verdict = {
  code: 'UNKNOWN_ACCOUNT',
  message: 'There is no account nobody.',
  atMs: 1,
  messageId: 'm',
  attempts: 1,
  exhausted: false,
};
export const letter = (changes: Partial<DeadLetter> = {}): DeadLetter => ({
  messageId: 'm',
  body: '{}',
  sentAtMs: 0,
  reason: { code: 'NOT_JSON', message: 'The body is not JSON.' },
  ...changes,
});
export const paymentLetter = (key: string, reason: DeadLetter['reason']): DeadLetter =>
  letter({ reason, job: { id: key, type: processPayment.type, key } });

export const PDF = Buffer.from('%PDF-1.7');
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const MANIFEST = Buffer.from(
  JSON.stringify({ files: [{ path: 'report.pdf', sha256: digest(PDF), bytes: PDF.length }] }),
);
const reportRow = () => ({
  reportId: 'r1',
  state: 'ready',
  prefix: 'reports/r1/',
  files: 2,
  manifest: { key: 'reports/r1/manifest.json', sha256: digest(MANIFEST) },
  notificationId: 'report-ready:r1',
});

/** A run in which all went well: changed for each test in one respect. */
export function wellRun() {
  const records = [
    record(processPayment, 't1', payment),
    record(
      processPayment,
      't2',
      { ...payment, transactionId: 't2', accountId: 'nobody' },
      {
        state: 'dead',
        verdict,
      },
    ),
    record(chargeCard, 'c1', charge),
    record(chargeCard, 'c2', { ...charge, chargeId: 'c2' }),
    record(placeOrder, 'o1', order),
    record(sendEmail, 'hello: you', { notificationId: 'hello: you' }),
    record(
      sendEmail,
      'suppressed',
      { notificationId: 'suppressed' },
      {
        result: '{"suppressed":true}',
      },
    ),
    record(sendEmail, 'order-confirmation:o1', {}),
    record(generateReport, 'r1', report),
    record(sendEmail, 'report-ready:r1', {}),
    ...['acme-shop/evt-1', 'acme-shop/evt-2', 'stripe/evt_a', 'stripe/evt_b'].map((key) =>
      record(processWebhook, key, {}),
    ),
    record(fanOutEvent, 'shop/e-1', { tenant: 'shop', event }),
    record(deliverWebhook, 'shop/well/e-1', {}),
  ];
  return {
    records: new Map(records.map((one) => [one.pk, one])),
    deadLetters: new Map([
      [sendEmail.type, [letter({ body: 'no JSON' }), letter({ body: 'no JSON', messageId: 'm2' })]],
      [
        processPayment.type,
        [paymentLetter('t1', { code: 'KEY_REUSED', message: 'used before' }), paymentLetter('t2', verdict)],
      ],
    ]),
    resumed: [
      {
        pk: jobPartitionKey(generateReport.type, 'r1'),
        stages: [
          [{ name: 'process-asset', before: 2, after: 0 }],
          [{ name: 'generate', before: 1, after: 0 }],
          [{ name: 'upload', before: 5, after: 1 }],
          [{ name: 'notify', before: 0, after: 1 }],
          [{ name: 'record', before: 0, after: 1 }],
        ],
      },
    ],
    accounts: [
      { accountId: 'a', balanceMinor: 150, currency: 'EUR' },
      { accountId: 'b', balanceMinor: 7, currency: 'EUR' },
    ],
    payments: [payment],
    charges: [chargeRow, { ...chargeRow, chargeId: 'c2', state: 'declined' as const }],
    providerCharges: [providerCharge, { ...providerCharge, reference: 'c2', status: 'failed' as const }],
    orders: [order],
    stock: [
      { sku: 'tea', available: 8 },
      { sku: 'pot', available: 3 },
    ],
    reports: [reportRow()],
    reportFiles: new Map<string, Uint8Array>([
      ['reports/r1/report.pdf', PDF],
      ['reports/r1/manifest.json', MANIFEST],
    ]),
    mails: [
      { notification: 'hello_3A_20you', to: 'you@example.com' },
      { notification: 'order-confirmation_3Ao1', to: 'you@example.com' },
      { notification: 'report-ready_3Ar1', to: 'boss@example.com' },
    ],
    webhooks: webhooksOfWellRun(),
  } satisfies Evidence;
}
export type Run = ReturnType<typeof wellRun>;

export const judgement = (run: Run) => [...judge(accepted, opening, run), ...judgeSampleDay(run)];

/** Replaces what is recorded of a job. */
export function change(run: Run, job: AnyJob, key: string, changes: Partial<JobRecord>): void {
  const pk = jobPartitionKey(job.type, key);
  const before = run.records.get(pk);
  if (!before) throw new Error(`there is no ${pk}`);
  run.records.set(pk, { ...before, ...changes });
}
export const forget = (run: Run, job: AnyJob, key: string): unknown =>
  run.records.delete(jobPartitionKey(job.type, key));

/** What is wrong with a run, the promise that breaks by it, and what is said of it. */
export interface Breach {
  readonly promise: string;
  readonly when: string;
  readonly damage: (run: Run) => unknown;
  readonly says: string;
}
