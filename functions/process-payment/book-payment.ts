import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type * as z from 'zod';
import { PermanentError, transact } from '../../shared/consumer/index.ts';
import { DAY_ATTRIBUTE, onDay } from '../../shared/jobs/day-index.ts';
import type { processPayment } from '../../shared/jobs/process-payment.ts';

export type Payment = z.output<typeof processPayment.payload>;

interface Account {
  readonly accountId: string;
  readonly balanceMinor: number;
  readonly currency: string;
}

interface Environment {
  readonly dynamo: DynamoDBDocumentClient;
  readonly tables: { readonly payments: string; readonly accounts: string };
  readonly signal: AbortSignal;
}

/**
 * Writes the payment event and the balance in one transaction. The event's own key is the marker that it happened, so a second run
 * finds it and changes nothing: no step is needed around a write that carries its own proof.
 *
 * @throws PermanentError `UNKNOWN_ACCOUNT`, `INSUFFICIENT_FUNDS`, `WRONG_CURRENCY`, `TRANSACTION_ID_REUSED`
 */
export async function bookPayment(
  payment: Payment,
  { dynamo, tables, signal }: Environment,
): Promise<{ transactionId: string }> {
  const { transactionId, accountId, amountMinor, currency } = payment;
  const bookedAt = new Date();
  try {
    await transact(
      dynamo,
      {
        TransactItems: [
          {
            Put: {
              TableName: tables.payments,
              Item: {
                ...payment,
                bookedAt: bookedAt.toISOString(),
                [DAY_ATTRIBUTE]: onDay(bookedAt, transactionId),
              },
              ConditionExpression: 'attribute_not_exists(transactionId)',
              ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
            },
          },
          {
            Update: {
              TableName: tables.accounts,
              Key: { accountId },
              UpdateExpression: 'SET balanceMinor = balanceMinor + :amount',
              // An absent account has no balance to compare, so the condition fails for it too.
              ConditionExpression: 'currency = :currency AND balanceMinor >= :least',
              ExpressionAttributeValues: {
                ':amount': amountMinor,
                ':currency': currency,
                // Money in needs no cover: an overdrawn account must be able to recover.
                ':least': amountMinor < 0 ? -amountMinor : Number.MIN_SAFE_INTEGER,
              },
              ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
            },
          },
        ],
      },
      { signal },
    );
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error;
    const [event, account] = error.CancellationReasons ?? [];
    if (event?.Code === 'ConditionalCheckFailed') {
      assertSame(payment, event.Item && (unmarshall(event.Item) as Payment));
      return { transactionId };
    }
    if (account?.Code === 'ConditionalCheckFailed')
      throw refusal(payment, account.Item && (unmarshall(account.Item) as Account));
    // Conflicts that would not end, or a throttle: the next attempt is for that.
    throw error;
  }
  return { transactionId };
}

/** The idempotency record lives for weeks, the ledger for ever: the same id after the record is gone must still be the same payment. */
function assertSame(payment: Payment, booked: Payment | undefined): void {
  if (
    booked?.accountId !== payment.accountId ||
    booked.amountMinor !== payment.amountMinor ||
    booked.currency !== payment.currency
  )
    throw new PermanentError(
      `Transaction ${payment.transactionId} is booked already with another account, amount or currency.`,
      { code: 'TRANSACTION_ID_REUSED' },
    );
}

function refusal(
  { accountId, amountMinor, currency }: Payment,
  account: Account | undefined,
): PermanentError {
  if (!account) return new PermanentError(`There is no account ${accountId}.`, { code: 'UNKNOWN_ACCOUNT' });
  if (account.currency !== currency)
    return new PermanentError(
      `Account ${accountId} is kept in ${account.currency}, the payment is in ${currency}.`,
      {
        code: 'WRONG_CURRENCY',
      },
    );
  return new PermanentError(
    `Account ${accountId} holds ${account.balanceMinor} ${currency} (minor units), which does not cover ${-amountMinor}.`,
    { code: 'INSUFFICIENT_FUNDS' },
  );
}
