import { seed } from '../cli/opening.ts';
import { processPayment } from '../shared/jobs/process-payment.ts';
import { jobsPerSecond } from './jobs-per-second.ts';
import type { Target } from './target.ts';

/** So many that payments which run side by side are of different accounts: a transaction conflict would measure the retry schedule. */
const ACCOUNTS = 1000;
/** As many connections as the SDK keeps. */
const PUTS_AT_A_TIME = 50;

export async function openAccounts({ dynamo }: Target, stage: string): Promise<void> {
  for (let from = 0; from < ACCOUNTS; from += PUTS_AT_A_TIME) {
    const accounts = Array.from({ length: PUTS_AT_A_TIME }, (_, index) => ({
      accountId: accountId(from + index),
      balanceMinor: 0,
      currency: 'EUR',
    }));
    await seed({ accounts, stock: [] }, dynamo, stage);
  }
}

/** Books `count` payments. @returns jobs a second */
export async function paymentsPerSecond(target: Target, stage: string, count: number): Promise<number> {
  const round = crypto.randomUUID();
  const payments = Array.from({ length: count }, (_, index) => ({
    transactionId: `${round}-${index}`,
    accountId: accountId(index),
    amountMinor: 1 + index,
    currency: 'EUR',
  }));
  return jobsPerSecond(target, stage, processPayment, payments);
}

function accountId(index: number): string {
  return `bench-${index % ACCOUNTS}`;
}
