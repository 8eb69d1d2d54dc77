import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { tableName } from '../jobs/names.ts';

/** Where a stage is: what a person must see before anything is changed there. */
export interface Target {
  readonly account: string;
  readonly region: string;
  readonly stage: string;
}

/** Where the credentials and the region lead, told by DynamoDB rather than by this machine's settings. */
export async function targetOf(dynamo: DynamoDBDocumentClient, stage: string): Promise<Target> {
  const { Table } = await dynamo.send(new DescribeTableCommand({ TableName: tableName(stage, 'jobs') }));
  const [, , , region = '', account = ''] = (Table?.TableArn ?? '').split(':');
  return { account, region, stage };
}
