import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../cli/account/evidence.ts';
import { judge, outagesWereOutlived } from '../../cli/account/promises.ts';
import type { FeedEntry } from '../../cli/feed.ts';
import type { Opening } from '../../cli/opening.ts';
import type { DeadLetter } from '../../shared/client/dead-letters.ts';
import type { AnyJob } from '../../shared/jobs/define-job.ts';
import { payloadHash } from '../../shared/jobs/message.ts';
import { type JobRecord, jobPartitionKey } from '../../shared/jobs/record.ts';
import { JOBS } from '../../shared/jobs/registry.ts';

const { sendEmail, processPayment, placeOrder, chargeCard, generateReport } = JOBS;

const opening: Opening = {
  accounts: [
    { accountId: 'a', balanceMinor: 100, currency: 'EUR' },
    { accountId: 'b', balanceMinor: 7, currency: 'EUR' },
  ],
  stock: [
    { sku: 'tea', available: 10 },
    { sku: 'pot', available: 3 },
  ],
};
const payment = { transactionId: 't1', accountId: 'a', amountMinor: 50, currency: 'EUR' };
const charge = {
  chargeId: 'c1',
  customer: 'cus_1',
  paymentMethod: 'pm_1',
  amountMinor: 999,
  currency: 'EUR',
};
const chargeRow = { ...charge, state: 'succeeded' as 'succeeded' | 'declined' };
const providerCharge = {
  reference: 'c1',
  amount: 999,
  currency: 'eur',
  status: 'succeeded' as 'succeeded' | 'failed',
};
const report = { reportId: 'r1' };
const order = { reference: 'o1', lines: [{ sku: 'tea', quantity: 2 }] };

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
const accepted: readonly FeedEntry[] = [
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
];

const record = (job: AnyJob, key: string, data: unknown, changes: Partial<JobRecord> = {}): JobRecord => ({
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
const verdict = {
  code: 'UNKNOWN_ACCOUNT',
  message: 'There is no account nobody.',
  atMs: 1,
  messageId: 'm',
  attempts: 1,
  exhausted: false,
};
const letter = (changes: Partial<DeadLetter> = {}): DeadLetter => ({
  messageId: 'm',
  body: '{}',
  sentAtMs: 0,
  reason: { code: 'NOT_JSON', message: 'The body is not JSON.' },
  ...changes,
});
const paymentLetter = (key: string, reason: DeadLetter['reason']): DeadLetter =>
  letter({ reason, job: { id: key, type: processPayment.type, key } });

const PDF = Buffer.from('%PDF-1.7');
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
function wellRun() {
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
  } satisfies Evidence;
}
type Run = ReturnType<typeof wellRun>;

const judgement = (run: Run) => [...judge(accepted, opening, run), outagesWereOutlived(run)];

/** Replaces what is recorded of a job. */
function change(run: Run, job: AnyJob, key: string, changes: Partial<JobRecord>): void {
  const pk = jobPartitionKey(job.type, key);
  const before = run.records.get(pk);
  if (!before) throw new Error(`there is no ${pk}`);
  run.records.set(pk, { ...before, ...changes });
}
const forget = (run: Run, job: AnyJob, key: string): unknown =>
  run.records.delete(jobPartitionKey(job.type, key));

const BREACHES: readonly {
  readonly promise: string;
  readonly when: string;
  readonly damage: (run: Run) => unknown;
  readonly says: string;
}[] = [
  {
    promise: 'Every accepted message ended',
    when: 'a job left no record',
    damage: (run) => forget(run, sendEmail, 'suppressed'),
    says: 'send-email#suppressed was accepted and left no record',
  },
  {
    promise: 'Every accepted message ended',
    when: 'a job still runs',
    damage: (run) => change(run, sendEmail, 'suppressed', { state: 'running' }),
    says: 'send-email#suppressed is still running',
  },
  {
    promise: 'Every accepted message ended',
    when: 'a job still backs off',
    damage: (run) => change(run, sendEmail, 'suppressed', { state: 'retrying' }),
    says: 'send-email#suppressed is still retrying',
  },
  {
    promise: 'Every accepted message ended',
    when: 'one of two malformed messages alike has gone',
    damage: (run) => run.deadLetters.get(sendEmail.type)?.pop(),
    says: 'a malformed message of send-email was sent 2 times and lies 1 times in dead-letter queues: no JSON',
  },
  {
    promise: 'Every accepted message ended',
    when: 'a message with a reused key has gone',
    damage: (run) => run.deadLetters.get(processPayment.type)?.shift(),
    says: 'process-payment#t1 was published with another payload, and that message is in no dead-letter queue',
  },
  {
    promise: 'Every dead job lies in its dead-letter queue',
    when: 'a dead job lies nowhere',
    damage: (run) => run.deadLetters.get(processPayment.type)?.pop(),
    says: 'process-payment#t2 was given up on and is in no dead-letter queue',
  },
  ...[
    { code: 'UNKNOWN_ACCOUNT', message: '' },
    { code: 'NEVER_RAN', message: 'All receives passed.' },
    { code: 'RECEIVES_EXHAUSTED', message: 'SQS moved it.' },
  ].map((reason) => ({
    promise: 'Every dead job lies in its dead-letter queue',
    when: `a dead letter has the reason ${JSON.stringify(reason)}`,
    damage: (run: Run) => run.deadLetters.get(processPayment.type)?.push(paymentLetter('t2', reason)),
    says: 'dead letter m is there for no reason of its own',
  })),
  {
    promise: 'Every completed report has its files',
    when: 'a file of it is lost',
    damage: (run) => run.reportFiles.delete('reports/r1/report.pdf'),
    says: 'report r1 lacks its file report.pdf',
  },
  {
    promise: 'Every completed report has its files',
    when: 'a file of it is another',
    damage: (run) => run.reportFiles.set('reports/r1/report.pdf', Buffer.from('%PDF-1.8')),
    says: 'file report.pdf of report r1 is not what its manifest says',
  },
  {
    promise: 'Every completed report has its files',
    when: 'a file lies there that nobody knows',
    damage: (run) => run.reportFiles.set('reports/r1/other.pdf', PDF),
    says: 'report r1 has 3 files, its manifest 2 and its row 2',
  },
  {
    promise: 'Every completed report has its files',
    when: 'its manifest is lost',
    damage: (run) => run.reportFiles.delete('reports/r1/manifest.json'),
    says: 'report r1 has no manifest at reports/r1/manifest.json',
  },
  {
    promise: 'Every completed report has its files',
    when: 'it has no row',
    damage: (run) => run.reports.pop(),
    says: 'report r1 completed, but has no row',
  },
  {
    promise: 'Every completed report has its files',
    when: 'the report of a dead job has a row',
    damage: (run) => change(run, generateReport, 'r1', { state: 'dead', verdict }),
    says: 'report r1 has a row, but its job did not complete',
  },
  {
    promise: 'Every completed report has its files',
    when: 'nobody was told',
    damage: (run) => run.mails.pop(),
    says: 'report r1 has 0 e-mails',
  },
  {
    promise: 'Every completed report has its files',
    when: 'somebody was told twice',
    damage: (run) => run.mails.push({ notification: 'report-ready_3Ar1', to: 'boss@example.com' }),
    says: 'report r1 has 2 e-mails',
  },
  {
    promise: 'The ledger has the payments that completed',
    when: 'a completed payment is not booked',
    damage: (run) => run.payments.pop(),
    says: 'payment t1 completed, but the ledger has undefined',
  },
  {
    promise: 'The ledger has the payments that completed',
    when: 'a payment is booked with another amount',
    damage: (run) => run.payments.splice(0, 1, { ...payment, amountMinor: 5 }),
    says: 'payment t1 completed, but the ledger has {"transactionId":"t1","accountId":"a","amountMinor":5',
  },
  {
    promise: 'The ledger has the payments that completed',
    when: 'the payment of a dead job is booked',
    damage: (run) => run.payments.push({ ...payment, transactionId: 't2' }),
    says: 'payment t2 is in the ledger, but its job did not complete',
  },
  {
    promise: 'Every completed charge is in the ledger',
    when: 'a declined charge is not recorded',
    damage: (run) => run.charges.pop(),
    says: 'charge c2 completed, but is not in the ledger',
  },
  {
    promise: 'Every completed charge is in the ledger',
    when: 'it was published with another amount',
    damage: (run) => {
      run.charges.splice(0, 1, { ...chargeRow, amountMinor: 99 });
      run.providerCharges.splice(0, 1, { ...providerCharge, amount: 99 });
    },
    says: 'charge c1 was for 999 EUR, but the ledger has 99 EUR',
  },
  {
    promise: 'Every completed charge is in the ledger',
    when: 'the provider took another amount',
    damage: (run) => run.providerCharges.splice(0, 1, { ...providerCharge, amount: 99 }),
    says: 'charge c1 is succeeded in the ledger, but the provider took 99 EUR',
  },
  {
    promise: 'Every completed charge is in the ledger',
    when: 'the provider made none of it',
    damage: (run) => run.providerCharges.shift(),
    says: 'charge c1 is succeeded in the ledger, but the provider took nothing',
  },
  {
    promise: 'Every completed charge is in the ledger',
    when: 'a declined card was charged',
    damage: (run) => run.providerCharges.splice(1, 1, { ...providerCharge, reference: 'c2' }),
    says: 'charge c2 is declined in the ledger, but the provider took 999 EUR',
  },
  {
    promise: 'Every completed charge is in the ledger',
    when: 'the job of a recorded charge did not complete',
    damage: (run) => change(run, chargeCard, 'c2', { state: 'retrying' }),
    says: 'charge c2 is in the ledger, but its job did not complete',
  },
  {
    promise: 'Every completed charge is in the ledger',
    when: 'a card was charged that it does not know',
    damage: (run) => run.providerCharges.push({ ...providerCharge, reference: 'c3' }),
    says: 'a card was charged for c3, but the ledger does not know it',
  },
  {
    promise: 'No card was charged twice',
    when: 'one was',
    damage: (run) => run.providerCharges.push(providerCharge),
    says: 'charge c1 was made 2 times',
  },
  {
    promise: 'The orders that completed are placed',
    when: 'a completed order is not in the table',
    damage: (run) => run.orders.pop(),
    says: 'order o1 completed, but is not in the table',
  },
  {
    promise: 'The orders that completed are placed',
    when: 'an order stands there with other lines',
    damage: (run) => run.orders.splice(0, 1, { ...order, lines: [{ sku: 'tea', quantity: 3 }] }),
    says: 'order o1 was for 2 × tea, but the table has 3 × tea',
  },
  {
    promise: 'The orders that completed are placed',
    when: 'an order is there that did not complete',
    damage: (run) => run.orders.push({ reference: 'o2', lines: [] }),
    says: 'order o2 is in the table, but its job did not complete',
  },
  {
    promise: 'Each placed order led to its confirmation',
    when: 'an order has no e-mail job',
    damage: (run) => forget(run, sendEmail, 'order-confirmation:o1'),
    says: 'order o1 has no confirmation e-mail job',
  },
  {
    promise: 'The e-mails that completed were sent',
    when: 'a completed e-mail was not sent',
    damage: (run) => run.mails.shift(),
    says: 'e-mail hello: you completed, but was not sent',
  },
  {
    promise: 'The e-mails that completed were sent',
    when: 'a suppressed address got its e-mail',
    damage: (run) => run.mails.push({ notification: 'suppressed', to: 'not-an-address' }),
    says: 'e-mail suppressed (completed) was sent',
  },
  {
    promise: 'The e-mails that completed were sent',
    when: 'the e-mail of a dead job was sent, and its step was certain',
    damage: (run) => change(run, sendEmail, 'hello: you', { state: 'dead', verdict }),
    says: 'e-mail hello: you (dead) was sent',
  },
  {
    promise: 'The e-mails that completed were sent',
    when: 'an e-mail was sent that no job asked for',
    damage: (run) => run.mails.push({ notification: 'stray', to: 'you@example.com' }),
    says: 'e-mail stray was sent, and there is no job for it',
  },
  {
    promise: 'Each balance is its opening balance and the booked payments',
    when: 'a balance moved without a payment',
    damage: (run) => run.accounts.splice(1, 1, { accountId: 'b', balanceMinor: 8, currency: 'EUR' }),
    says: 'account b holds 8, its payments imply 7',
  },
  {
    promise: 'Each balance is its opening balance and the booked payments',
    when: 'an account has gone',
    damage: (run) => run.accounts.pop(),
    says: 'account b holds undefined, its payments imply 7',
  },
  {
    promise: 'Each stock is its opening stock less the placed orders',
    when: 'stock was reserved twice',
    damage: (run) => run.stock.splice(0, 1, { sku: 'tea', available: 6 }),
    says: 'tea has 6 left, its orders imply 8',
  },
  {
    promise: 'Each stock is its opening stock less the placed orders',
    when: 'an item has gone',
    damage: (run) => run.stock.pop(),
    says: 'pot has undefined left, its orders imply 3',
  },
  {
    promise: 'No e-mail was sent twice',
    when: 'one was',
    damage: (run) => run.mails.push({ notification: 'hello_3A_20you', to: 'you@example.com' }),
    says: 'e-mail hello_3A_20you was sent 2 times',
  },
  {
    promise: 'No job died of the outage',
    when: 'a job spent its attempts',
    damage: (run) =>
      change(run, processPayment, 't2', {
        verdict: { ...verdict, message: 'The service is unavailable.', exhausted: true },
      }),
    says: 'process-payment#t2 died of it: The service is unavailable.',
  },
];

describe('the promises', () => {
  it('hold for a run in which all went well', () => {
    expect(judgement(wellRun()).filter(({ broken }) => broken.length > 0)).toEqual([]);
  });

  it.each(BREACHES)('"$promise" breaks when $when', ({ promise, damage, says }) => {
    const run = wellRun();
    damage(run);
    const promised = judgement(run).find((one) => one.promise.startsWith(promise));
    expect(promised?.broken).toEqual([expect.stringContaining(says)]);
  });

  it('are each shown to break', () => {
    const unbroken = judgement(wellRun()).filter(
      ({ promise }) => !BREACHES.some((breach) => promise.startsWith(breach.promise)),
    );
    expect(unbroken).toEqual([]);
  });

  it('let the e-mail of an uncertain step have been sent or not', () => {
    const uncertain = { state: 'dead', verdict: { ...verdict, code: 'STEP_UNCERTAIN' } } as const;
    for (const sent of [true, false]) {
      const run = wellRun();
      change(run, sendEmail, 'hello: you', uncertain);
      run.deadLetters
        .get(sendEmail.type)
        ?.push(
          letter({ reason: uncertain.verdict, job: { id: 'x', type: sendEmail.type, key: 'hello: you' } }),
        );
      if (!sent) run.mails.shift();
      expect(judgement(run).filter(({ broken }) => broken.length > 0)).toEqual([]);
    }
  });

  it('let the card of an uncertain step have been charged or not', () => {
    const reason = {
      ...verdict,
      message: 'Step "charge" left no certain outcome: its effect may have happened.',
    };
    for (const charged of [true, false]) {
      const run = wellRun();
      change(run, chargeCard, 'c1', { state: 'dead', verdict: reason });
      run.deadLetters.set(chargeCard.type, [
        letter({ reason, job: { id: 'x', type: chargeCard.type, key: 'c1' } }),
      ]);
      run.charges.shift();
      if (!charged) run.providerCharges.shift();
      expect(judgement(run).filter(({ broken }) => broken.length > 0)).toEqual([]);
    }
  });

  it('take a body that is a job for the job that it is', () => {
    const run = wellRun();
    const body: FeedEntry = {
      kind: 'body',
      afterSeconds: 0,
      job: processPayment,
      body: '{…}',
      reads: { data: payment, key: 't1', payloadHash: payloadHash(payment) },
    };
    expect(judge([body], opening, run).filter(({ broken }) => broken.length > 0)).toEqual([]);
    run.payments.pop();
    expect(judge([body], opening, run).flatMap(({ broken }) => broken)).toContain(
      'payment t1 completed, but the ledger has undefined',
    );
  });
});
