import { type JobRecord, jobPartitionKey } from '../../shared/jobs/record.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import type { FeedEntry, FeedJob } from '../feed.ts';
import type { Opening } from '../opening.ts';
import type { Evidence } from './evidence.ts';

/** One promise, and what speaks against it. */
export interface Promised {
  readonly promise: string;
  /** What was compared, in numbers. */
  readonly checked: string;
  /** Empty when it held. */
  readonly broken: readonly string[];
}

/** Holds what a run left behind against what went into it. Nothing here asks the code under judgement what it did. */
export function judge(accepted: readonly FeedEntry[], opening: Opening, evidence: Evidence): Promised[] {
  return [
    everyMessageEnded(accepted, evidence),
    everyDeadJobLies(evidence),
    balancesMatch(accepted, opening, evidence),
    stockMatches(accepted, opening, evidence),
    everyOrderIsConfirmed(evidence),
    oneMailEach(evidence),
  ];
}

function everyMessageEnded(accepted: readonly FeedEntry[], { records, deadLetters }: Evidence): Promised {
  const bodies = new Set([...deadLetters.values()].flat().map(({ body }) => body));
  const reused = new Set(
    [...deadLetters.values()]
      .flat()
      .filter(({ reason }) => reason.code === 'KEY_REUSED')
      .map(({ job }) => job && jobPartitionKey(job.type, job.key)),
  );
  const broken = accepted.flatMap((entry) => {
    if (entry.kind === 'body')
      return bodies.has(entry.body)
        ? []
        : [`a malformed message of ${entry.job.type} is in no dead-letter queue: ${entry.body.slice(0, 60)}`];
    const pk = jobPartitionKey(entry.job.type, entry.key);
    const record = records.get(pk);
    if (!record) return [`${pk} was accepted and left no record`];
    if (record.payloadHash !== entry.payloadHash)
      return reused.has(pk)
        ? []
        : [`${pk} was published with another payload, and that message is in no dead-letter queue`];
    return record.state === 'completed' || record.state === 'dead' ? [] : [`${pk} is still ${record.state}`];
  });
  return {
    promise: 'Every accepted message ended, completed or dead-lettered',
    checked: `${accepted.length} messages`,
    broken,
  };
}

function everyDeadJobLies({ records, deadLetters }: Evidence): Promised {
  const letters = [...deadLetters.values()].flat();
  const lying = new Set(letters.map(({ job }) => job && jobPartitionKey(job.type, job.key)));
  const dead = [...records.values()].filter(({ state }) => state === 'dead');
  return {
    promise: 'Every dead job lies in its dead-letter queue, every dead letter has a reason',
    checked: `${dead.length} dead jobs, ${letters.length} dead letters`,
    broken: [
      ...dead
        .filter(({ pk }) => !lying.has(pk))
        .map(({ pk }) => `${pk} was given up on and is in no dead-letter queue`),
      ...letters
        .filter(({ reason }) => reason.message === '' || reason.code === 'NEVER_RAN')
        .map(({ messageId }) => `dead letter ${messageId} has no reason`),
    ],
  };
}

function balancesMatch(
  accepted: readonly FeedEntry[],
  opening: Opening,
  { records, accounts, payments }: Evidence,
): Promised {
  const booked = new Map(payments.map((payment) => [payment.transactionId, payment]));
  const broken = [...completedJobs(accepted, JOBS.processPayment.type, records)].flatMap(([key, entry]) => {
    const payment = booked.get(key);
    const { accountId, amountMinor } = entry.data as { accountId: string; amountMinor: number };
    return payment?.accountId === accountId && payment.amountMinor === amountMinor
      ? []
      : [`payment ${key} completed, but the ledger has ${JSON.stringify(payment)}`];
  });
  for (const { transactionId } of payments)
    if (records.get(jobPartitionKey(JOBS.processPayment.type, transactionId))?.state !== 'completed')
      broken.push(`payment ${transactionId} is in the ledger, but its job did not complete`);
  for (const { accountId, balanceMinor } of accounts) {
    const start = opening.accounts.find((account) => account.accountId === accountId)?.balanceMinor;
    if (start === undefined) continue;
    const implied = payments.reduce(
      (sum, payment) => (payment.accountId === accountId ? sum + payment.amountMinor : sum),
      start,
    );
    if (implied !== balanceMinor)
      broken.push(`account ${accountId} holds ${balanceMinor}, its payments imply ${implied}`);
  }
  return {
    promise: 'Each balance is its opening balance and the payments that completed, each once',
    checked: `${accounts.length} accounts, ${payments.length} payments`,
    broken,
  };
}

function stockMatches(
  accepted: readonly FeedEntry[],
  opening: Opening,
  { records, orders, stock }: Evidence,
): Promised {
  const placed = new Map(orders.map((order) => [order.reference, order]));
  const broken = [...completedJobs(accepted, JOBS.placeOrder.type, records).keys()].flatMap((reference) =>
    placed.has(reference) ? [] : [`order ${reference} completed, but is not in the table`],
  );
  for (const { reference } of orders)
    if (records.get(jobPartitionKey(JOBS.placeOrder.type, reference))?.state !== 'completed')
      broken.push(`order ${reference} is in the table, but its job did not complete`);
  for (const { sku, available } of stock) {
    const start = opening.stock.find((item) => item.sku === sku)?.available;
    if (start === undefined) continue;
    const taken = orders
      .flatMap(({ lines }) => lines)
      .reduce((sum, line) => (line.sku === sku ? sum + line.quantity : sum), 0);
    if (start - taken !== available)
      broken.push(`${sku} has ${available} left, its orders imply ${start - taken}`);
  }
  return {
    promise: 'Each stock is its opening stock less the orders that completed',
    checked: `${stock.length} items, ${orders.length} orders`,
    broken,
  };
}

function everyOrderIsConfirmed({ records, orders }: Evidence): Promised {
  const broken = orders.flatMap(({ reference }) => {
    const record = records.get(jobPartitionKey(JOBS.sendEmail.type, `order-confirmation:${reference}`));
    return record ? [] : [`order ${reference} has no confirmation e-mail job`];
  });
  return { promise: 'Each order led to its confirmation e-mail', checked: `${orders.length} orders`, broken };
}

function oneMailEach({ records, mails }: Evidence): Promised {
  const sent = Map.groupBy(mails, ({ notification }) => notification);
  const emails = [...records.values()].filter(({ pk }) =>
    pk.startsWith(jobPartitionKey(JOBS.sendEmail.type, '')),
  );
  const broken = emails.flatMap((record) => {
    const notification = record.pk.slice(jobPartitionKey(JOBS.sendEmail.type, '').length);
    const times = sent.get(tagOf(notification))?.length ?? 0;
    const [least, most] = mailsExpected(record);
    return times >= least && times <= most
      ? []
      : [`e-mail ${notification} (${record.state}) was sent ${times} times`];
  });
  return {
    promise: 'Each e-mail that completed was sent once, each other at most once',
    checked: `${emails.length} e-mail jobs, ${mails.length} mails`,
    broken,
  };
}

/** A suppressed address gets none; a dead job's may have gone out when its step was uncertain, and only then. */
function mailsExpected({ state, result, verdict }: JobRecord): [least: number, most: number] {
  if (state === 'completed') return result?.includes('"suppressed":true') ? [0, 0] : [1, 1];
  return [0, verdict?.code === 'STEP_UNCERTAIN' ? 1 : 0];
}

/** As SES's tags are written: letters, digits, `_` and `-`. */
function tagOf(notification: string): string {
  return notification.replaceAll(/[^A-Za-z0-9_-]/g, '-').slice(0, 256);
}

function completedJobs(
  accepted: readonly FeedEntry[],
  type: string,
  records: Evidence['records'],
): Map<string, FeedJob> {
  const completed = new Map<string, FeedJob>();
  for (const entry of accepted) {
    if (entry.kind !== 'job' || entry.job.type !== type) continue;
    const record = records.get(jobPartitionKey(type, entry.key));
    if (record?.state === 'completed' && record.payloadHash === entry.payloadHash)
      completed.set(entry.key, entry);
  }
  return completed;
}
