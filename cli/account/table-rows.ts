import { type DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import { type TableSubject, tableName } from '../../shared/jobs/names.ts';

/** Everything in a table of the stage. */
export async function tableRows<Row>(
  subject: TableSubject,
  { dynamo, stage }: { readonly dynamo: DynamoDBDocumentClient; readonly stage: string },
): Promise<Row[]> {
  const found: Row[] = [];
  const pages = paginateScan(
    { client: dynamo },
    { TableName: tableName(stage, subject), ConsistentRead: true },
  );
  for await (const { Items = [] } of pages) found.push(...(Items as Row[]));
  return found;
}
