import { readFileSync } from 'node:fs';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { tableName } from '../shared/jobs/names.ts';

/** What the shop had before the first job: accounts with balances, items in stock. */
export interface Opening {
  readonly accounts: readonly {
    readonly accountId: string;
    readonly balanceMinor: number;
    readonly currency: string;
  }[];
  readonly stock: readonly { readonly sku: string; readonly available: number }[];
}

export function readOpening(): Opening {
  return JSON.parse(readFileSync(new URL('../samples/opening.json', import.meta.url), 'utf8')) as Opening;
}

/** Writes what is not there yet; what earlier runs have changed stays. */
export async function seed(opening: Opening, dynamo: DynamoDBDocumentClient, stage: string): Promise<void> {
  const put = async (TableName: string, Item: Record<string, unknown>, key: string): Promise<void> => {
    try {
      await dynamo.send(
        new PutCommand({
          TableName,
          Item,
          ConditionExpression: 'attribute_not_exists(#key)',
          ExpressionAttributeNames: { '#key': key },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  };
  await Promise.all([
    ...opening.accounts.map((account) => put(tableName(stage, 'accounts'), account, 'accountId')),
    ...opening.stock.map((item) => put(tableName(stage, 'stock'), item, 'sku')),
  ]);
}
