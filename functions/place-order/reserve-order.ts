import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type * as z from 'zod';
import { PermanentError, transact } from '../../shared/consumer/index.ts';
import { DAY_ATTRIBUTE, onDay } from '../../shared/jobs/day-index.ts';
import { payloadHash } from '../../shared/jobs/message.ts';
import type { placeOrder } from '../../shared/jobs/place-order.ts';

export type Order = z.output<typeof placeOrder.payload>;

interface Environment {
  readonly dynamo: DynamoDBDocumentClient;
  readonly tables: { readonly orders: string; readonly stock: string };
  readonly signal: AbortSignal;
}

/**
 * Writes the order under its unique reference and takes its lines from stock, together or not at all. A second run finds the order
 * and takes nothing.
 *
 * @throws PermanentError `OUT_OF_STOCK`, naming each SKU, `REFERENCE_TAKEN`
 */
export async function reserveOrder(order: Order, { dynamo, tables, signal }: Environment): Promise<void> {
  const contentHash = payloadHash(order);
  const placedAt = new Date();
  try {
    await transact(
      dynamo,
      {
        TransactItems: [
          {
            Put: {
              TableName: tables.orders,
              Item: {
                ...order,
                contentHash,
                state: 'reserved',
                placedAt: placedAt.toISOString(),
                [DAY_ATTRIBUTE]: onDay(placedAt, order.reference),
              },
              ConditionExpression: 'attribute_not_exists(#reference)',
              ExpressionAttributeNames: { '#reference': 'reference' },
              ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
            },
          },
          ...order.lines.map(({ sku, quantity }) => ({
            Update: {
              TableName: tables.stock,
              Key: { sku },
              UpdateExpression: 'SET available = available - :quantity',
              ConditionExpression: 'available >= :quantity',
              ExpressionAttributeValues: { ':quantity': quantity },
            },
          })),
        ],
      },
      { signal },
    );
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) throw error;
    const [placed, ...stock] = error.CancellationReasons ?? [];
    if (placed?.Code === 'ConditionalCheckFailed') {
      const existing = placed.Item && unmarshall(placed.Item);
      if (existing?.contentHash === contentHash) return;
      throw new PermanentError(`Order reference ${order.reference} is taken by another order.`, {
        code: 'REFERENCE_TAKEN',
      });
    }
    const missing = order.lines.filter((_, index) => stock[index]?.Code === 'ConditionalCheckFailed');
    if (missing.length > 0)
      throw new PermanentError(
        `Not enough in stock: ${missing.map(({ sku, quantity }) => `${quantity} × ${sku}`).join(', ')}.`,
        { code: 'OUT_OF_STOCK' },
      );
    throw error;
  }
}
