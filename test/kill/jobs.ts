import type { FeedJob } from '../../cli/feed.ts';
import type { Opening } from '../../cli/opening.ts';
import type { AnyJob } from '../../shared/jobs/define-job.ts';
import { payloadHash } from '../../shared/jobs/message.ts';
import { JOBS } from '../../shared/jobs/registry.ts';

/** Jobs in plenty: half payments, a quarter orders (each leads to one more e-mail), a quarter e-mails; one in twenty twice. */
export function manyJobs(count: number, { accounts, stock }: Opening, random: () => number): FeedJob[] {
  const pick = <Value>(values: readonly Value[]): Value =>
    values[Math.floor(random() * values.length)] as Value;
  // Of the rest too little is there for so many orders, and whose order is refused is up to chance.
  const plenty = stock.filter(({ available }) => available >= 500);
  const entries: FeedJob[] = [];
  for (let index = 0; entries.length < count; index++) {
    const entry = [payment, payment, order, email][index % 4]?.(index);
    if (!entry) continue;
    entries.push(entry);
    if (random() < 0.05 && entries.length < count) entries.push(entry);
  }
  return entries;

  function payment(index: number): FeedJob {
    const { accountId, currency } = pick(accounts);
    // Money in alone: no balance can refuse it, so the end is the same in whatever order it comes.
    const data = {
      transactionId: `tx-${index}`,
      accountId,
      amountMinor: 1 + Math.floor(random() * 10_000),
      currency,
    };
    return entry(JOBS.processPayment, data.transactionId, data);
  }

  function order(index: number): FeedJob {
    const { sku } = pick(plenty);
    const data = {
      reference: `R-${index}`,
      customer: { name: `Customer ${index}`, email: `customer.${index}@example.com` },
      lines: [{ sku, title: sku, quantity: 1, unitPriceMinor: 990 }],
      currency: 'EUR',
    };
    return entry(JOBS.placeOrder, data.reference, data);
  }

  function email(index: number): FeedJob {
    const data = {
      notificationId: `welcome:user-${index}`,
      to: `user.${index}@example.com`,
      message: { template: 'welcome', values: { name: `User ${index}` } },
    };
    return entry(JOBS.sendEmail, data.notificationId, data);
  }
}

function entry(job: AnyJob, key: string, data: unknown): FeedJob {
  return { kind: 'job', afterSeconds: 0, job, data, id: undefined, key, payloadHash: payloadHash(data) };
}
