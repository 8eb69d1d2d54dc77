import { notificationTag } from '../../shared/jobs/email-event.ts';
import { type JobRecord, jobPartitionKey } from '../../shared/jobs/record.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import type { FeedBody, FeedEntry } from '../feed.ts';
import type { Opening } from '../opening.ts';
import { completedChargesAreRecorded, noCardChargedTwice } from './charge-promises.ts';
import { completedJobs, hasEnded, identityOf } from './completed-jobs.ts';
import type { Evidence, OrderRow } from './evidence.ts';
import { completedReportsAreWhole } from './report-promises.ts';
import { lastingFailureWasResumed, noFinishedStageRanAgain } from './resume-promises.ts';
import { isUncertain } from './uncertain.ts';
import { judgeWebhooks } from './webhook-promises.ts';

/** One promise, and what speaks against it. */
export interface Promised {
  readonly promise: string;
  /** What was compared, in numbers. */
  readonly checked: string;
  /** Empty when it held. */
  readonly broken: readonly string[];
}

/**
 * Holds what a drained run left behind against what went into it. Effects are counted in the tables and the mails; how a job
 * ended is read from its record, and held against them.
 */
export function judge(accepted: readonly FeedEntry[], opening: Opening, evidence: Evidence): Promised[] {
  return [
    everyMessageEnded(accepted, evidence),
    everyDeadJobLies(evidence),
    completedPaymentsAreBooked(accepted, evidence),
    completedOrdersArePlaced(accepted, evidence),
    everyOrderIsConfirmed(evidence),
    completedMailsWereSent(evidence),
    completedChargesAreRecorded(accepted, evidence),
    completedReportsAreWhole(accepted, evidence),
    noFinishedStageRanAgain(evidence),
    ...judgeEffects(opening, evidence),
    ...(evidence.webhooks ? judgeWebhooks(accepted, evidence, evidence.webhooks) : []),
  ];
}

/** What holds of the sample day besides. */
export function judgeSampleDay(evidence: Evidence): Promised[] {
  return [outagesWereOutlived(evidence), lastingFailureWasResumed(evidence)];
}

/** For a feed whose outages are all shorter than every schedule's horizon. */
function outagesWereOutlived({ records }: Evidence): Promised {
  const dead = [...records.values()].filter(({ state }) => state === 'dead');
  return {
    promise: 'No job died of the outage: it waited, and its attempts outlived it',
    checked: `${dead.length} dead jobs`,
    broken: dead
      .filter(({ verdict }) => verdict?.exhausted)
      .map(({ pk, verdict }) => `${pk} died of it: ${verdict?.message}`),
  };
}

/** What holds at every moment, also in the middle of a run or after its sudden end. */
export function judgeEffects(opening: Opening, evidence: Evidence): Promised[] {
  return [
    balancesMatch(opening, evidence),
    stockMatches(opening, evidence),
    noMailTwice(evidence),
    noCardChargedTwice(evidence),
  ];
}

function everyMessageEnded(accepted: readonly FeedEntry[], { records, deadLetters }: Evidence): Promised {
  const letters = [...deadLetters.values()].flat();
  const bodies = Map.groupBy(letters, ({ body }) => body);
  const reused = new Set(
    letters
      .filter(({ reason }) => reason.code === 'KEY_REUSED')
      .map(({ job }) => job && jobPartitionKey(job.type, job.key)),
  );
  const broken = accepted.flatMap((entry) => {
    const identity = identityOf(entry);
    if (!identity) return [];
    const pk = jobPartitionKey(entry.job.type, identity.key);
    const record = records.get(pk);
    if (!record) return [`${pk} was accepted and left no record`];
    if (record.payloadHash !== identity.payloadHash)
      return reused.has(pk)
        ? []
        : [`${pk} was published with another payload, and that message is in no dead-letter queue`];
    return hasEnded(record) ? [] : [`${pk} is still ${record.state}`];
  });
  for (const [body, sent] of Map.groupBy(accepted.filter(isMalformed), (entry) => entry.body)) {
    const lying = bodies.get(body)?.length ?? 0;
    if (lying < sent.length)
      broken.push(
        `a malformed message of ${sent[0]?.job.type} was sent ${sent.length} times and lies ${lying} times in dead-letter queues: ${body.slice(0, 60)}`,
      );
  }
  return {
    promise: 'Every accepted message ended: completed, dead-lettered, expired or cancelled',
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
        .filter(
          ({ reason }) => reason.message === '' || ['NEVER_RAN', 'RECEIVES_EXHAUSTED'].includes(reason.code),
        )
        .map(({ messageId }) => `dead letter ${messageId} is there for no reason of its own`),
    ],
  };
}

function completedPaymentsAreBooked(
  accepted: readonly FeedEntry[],
  { records, payments }: Evidence,
): Promised {
  const { type } = JOBS.processPayment;
  const booked = new Map(payments.map((payment) => [payment.transactionId, payment]));
  const completed = completedJobs(accepted, type, records);
  const broken = [...completed].flatMap(([key, entry]) => {
    const payment = booked.get(key);
    if (!payment) return [`payment ${key} completed, but is not in the ledger`];
    const { accountId, amountMinor } = entry.data as { accountId: string; amountMinor: number };
    return payment.accountId === accountId && payment.amountMinor === amountMinor
      ? []
      : [`payment ${key} completed, but the ledger has ${JSON.stringify(payment)}`];
  });
  for (const key of booked.keys())
    if (records.get(jobPartitionKey(type, key))?.state !== 'completed')
      broken.push(`payment ${key} is in the ledger, but its job did not complete`);
  return {
    promise: 'The ledger has the payments that completed, as they were published, and no other',
    checked: `${completed.size} completed, ${payments.length} booked`,
    broken,
  };
}

function completedOrdersArePlaced(accepted: readonly FeedEntry[], { records, orders }: Evidence): Promised {
  const { type } = JOBS.placeOrder;
  const placed = new Map(orders.map((order) => [order.reference, order]));
  const completed = completedJobs(accepted, type, records);
  const broken = [...completed].flatMap(([reference, { data }]) => {
    const order = placed.get(reference);
    if (!order) return [`order ${reference} completed, but is not in the table`];
    const [ordered, stands] = [linesOf(data as OrderRow), linesOf(order)];
    return ordered === stands ? [] : [`order ${reference} was for ${ordered}, but the table has ${stands}`];
  });
  for (const reference of placed.keys())
    if (records.get(jobPartitionKey(type, reference))?.state !== 'completed')
      broken.push(`order ${reference} is in the table, but its job did not complete`);
  return {
    promise: 'The orders that completed are placed, as they were published, and no other',
    checked: `${completed.size} completed, ${orders.length} placed`,
    broken,
  };
}

function linesOf({ lines }: Pick<OrderRow, 'lines'>): string {
  return lines.map(({ sku, quantity }) => `${quantity} × ${sku}`).join(', ');
}

function balancesMatch(opening: Opening, { accounts, payments }: Evidence): Promised {
  const start = new Map(opening.accounts.map(({ accountId, balanceMinor }) => [accountId, balanceMinor]));
  const implied = new Map(start);
  for (const { accountId, amountMinor } of payments)
    implied.set(accountId, (implied.get(accountId) ?? 0) + amountMinor);
  const held = new Map(accounts.map(({ accountId, balanceMinor }) => [accountId, balanceMinor]));
  return {
    promise: 'Each balance is its opening balance and the booked payments',
    checked: `${accounts.length} accounts, ${payments.length} payments`,
    broken: [...start.keys()]
      .filter((accountId) => held.get(accountId) !== implied.get(accountId))
      .map(
        (accountId) =>
          `account ${accountId} holds ${held.get(accountId)}, its payments imply ${implied.get(accountId)}`,
      ),
  };
}

function stockMatches(opening: Opening, { orders, stock }: Evidence): Promised {
  const start = new Map(opening.stock.map(({ sku, available }) => [sku, available]));
  const implied = new Map(start);
  for (const { sku, quantity } of orders.flatMap(({ lines }) => lines))
    implied.set(sku, (implied.get(sku) ?? 0) - quantity);
  const left = new Map(stock.map(({ sku, available }) => [sku, available]));
  return {
    promise: 'Each stock is its opening stock less the placed orders',
    checked: `${stock.length} items, ${orders.length} orders`,
    broken: [...start.keys()]
      .filter((sku) => left.get(sku) !== implied.get(sku))
      .map((sku) => `${sku} has ${left.get(sku)} left, its orders imply ${implied.get(sku)}`),
  };
}

function everyOrderIsConfirmed({ records, orders }: Evidence): Promised {
  return {
    promise: 'Each placed order led to its confirmation e-mail job',
    checked: `${orders.length} orders`,
    broken: orders
      .filter(
        ({ reference }) =>
          !records.has(jobPartitionKey(JOBS.sendEmail.type, `order-confirmation:${reference}`)),
      )
      .map(({ reference }) => `order ${reference} has no confirmation e-mail job`),
  };
}

function completedMailsWereSent({ records, mails }: Evidence): Promised {
  const sent = new Set(mails.map(({ notification }) => notification));
  const prefix = jobPartitionKey(JOBS.sendEmail.type, '');
  const emails = [...records.values()].filter(({ pk }) => pk.startsWith(prefix));
  const broken = emails.flatMap((record) => {
    const notification = record.pk.slice(prefix.length);
    const was = sent.has(notificationTag(notification));
    const may = mailAllowed(record);
    if (may === 'must' && !was) return [`e-mail ${notification} completed, but was not sent`];
    return may === 'must not' && was ? [`e-mail ${notification} (${record.state}) was sent`] : [];
  });
  const known = new Set(emails.map(({ pk }) => notificationTag(pk.slice(prefix.length))));
  for (const notification of sent)
    if (!known.has(notification)) broken.push(`e-mail ${notification} was sent, and there is no job for it`);
  return {
    promise: 'The e-mails that completed were sent, and no other',
    checked: `${emails.length} e-mail jobs, ${mails.length} mails`,
    broken,
  };
}

/** A suppressed address gets none; what SES refused for its content, it had taken first. */
function mailAllowed(record: JobRecord): 'must' | 'may' | 'must not' {
  const { state, result, verdict } = record;
  if (state === 'completed') return result?.includes('"suppressed":true') ? 'must not' : 'must';
  return isUncertain(record) || verdict?.code === 'EMAIL_REFUSED' ? 'may' : 'must not';
}

function noMailTwice({ mails }: Evidence): Promised {
  const sent = Map.groupBy(mails, ({ notification }) => notification);
  return {
    promise: 'No e-mail was sent twice',
    checked: `${mails.length} mails`,
    broken: [...sent]
      .filter(([, copies]) => copies.length > 1)
      .map(([notification, copies]) => `e-mail ${notification} was sent ${copies.length} times`),
  };
}

function isMalformed(entry: FeedEntry): entry is FeedBody {
  return entry.kind === 'body' && !entry.reads;
}
