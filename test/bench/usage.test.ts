import { describe, expect, it } from 'vitest';
import { billed, priceOf, sum } from '../../bench/usage.ts';
import type { RecordedCall } from '../lab/call-log.ts';

const indexes = new Map([
  ['jobs', ['jobId']],
  ['payments', ['day']],
  ['accounts', []],
]);
const call = (service: string, operation: string, input: unknown): RecordedCall => ({
  functionName: 'honest-jobs-dev-process-payment',
  service,
  operation,
  query: new URLSearchParams(),
  input,
});

describe('a call to DynamoDB is billed', () => {
  it('as a write for the item and one for each index that it gives a key', () => {
    const claim = { TableName: 'jobs', UpdateExpression: 'SET jobId = :id, attempts = :one' };
    const end = { TableName: 'jobs', UpdateExpression: 'SET completedAtMs = :now' };
    expect(billed(call('dynamodb', 'UpdateItem', claim), indexes)).toEqual({ writeUnits: 2 });
    expect(billed(call('dynamodb', 'UpdateItem', end), indexes)).toEqual({ writeUnits: 1 });
  });

  it('twice for each item of a transaction, whose indexes are written once', () => {
    const TransactItems = [
      { Put: { TableName: 'payments', Item: { transactionId: { S: 'tx' }, day: { S: '2026-11-25' } } } },
      { Update: { TableName: 'accounts', UpdateExpression: 'SET balanceMinor = balanceMinor + :amount' } },
    ];
    expect(billed(call('dynamodb', 'TransactWriteItems', { TransactItems }), indexes)).toEqual({
      writeUnits: 5,
    });
  });

  it('as a read, half of one where it need not be consistent', () => {
    expect(billed(call('dynamodb', 'GetItem', { ConsistentRead: true }), indexes)).toEqual({ readUnits: 1 });
    expect(billed(call('dynamodb', 'Query', {}), indexes)).toEqual({ readUnits: 0.5 });
  });
});

describe('the price of what was counted', () => {
  it('is that of the list, by the million', () => {
    const counts = sum([{ sqsRequests: 1e6 }, { sqsRequests: 1e6, emails: 1000 }]);
    expect(priceOf({ counts, gbSeconds: 0, loggedBytes: 2e9 })).toMatchObject({
      sqs: 0.8,
      ses: 0.16,
      logs: 1,
    });
  });
});
