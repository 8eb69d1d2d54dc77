import { type DynamoDBDocumentClient, paginateQuery } from '@aws-sdk/lib-dynamodb';
import { DAY_ATTRIBUTE, DAY_INDEX, daysOf, shardsOf } from '../../shared/jobs/day-index.ts';
import type { Report } from '../../shared/jobs/generate-report.ts';
import { type Figures, FiguresOfPeriod, type OrderOfDay, type PaymentOfDay } from './figures.ts';

export interface FigureSources {
  readonly dynamo: DynamoDBDocumentClient;
  readonly tables: { readonly orders: string; readonly payments: string };
  readonly signal: AbortSignal;
  readonly progress: (fraction: number, text: string) => Promise<void>;
}

/**
 * Adds up a period, day by day through the index: what it reads is what happened in the period, however much the tables hold. The index
 * is behind its table by a moment: a row of the last second may be missing.
 */
export async function readFigures(
  period: Report['period'],
  { dynamo, tables, signal, progress }: FigureSources,
): Promise<Figures> {
  const days = daysOf(period);
  const sums = new FiguresOfPeriod(days);
  const each = async <Row>(TableName: string, shard: string, add: (row: Row) => void): Promise<void> => {
    const pages = paginateQuery(
      { client: dynamo },
      {
        TableName,
        IndexName: DAY_INDEX,
        KeyConditionExpression: '#day = :shard',
        ExpressionAttributeNames: { '#day': DAY_ATTRIBUTE },
        ExpressionAttributeValues: { ':shard': shard },
      },
      { abortSignal: signal },
    );
    for await (const { Items = [] } of pages) for (const row of Items) add(row as Row);
  };
  for (const [index, day] of days.entries()) {
    await Promise.all(
      shardsOf(day).flatMap((shard) => [
        each<PaymentOfDay>(tables.payments, shard, (row) => sums.addPayment(day, row)),
        each<OrderOfDay>(tables.orders, shard, (row) => sums.addOrder(day, row)),
      ]),
    );
    await progress((index + 1) / days.length, `${index + 1} of ${days.length} days read`);
  }
  return sums.figures();
}
