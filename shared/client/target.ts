import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { stateMachineName, tableName } from '../jobs/names.ts';

/** Where a stage is: what a person must see before anything is changed there. */
export interface Target {
  readonly account: string;
  readonly region: string;
  readonly stage: string;
}

/** Where the credentials and the region lead, told by DynamoDB rather than by this machine's settings. */
export async function targetOf(dynamo: DynamoDBDocumentClient, stage: string): Promise<Target> {
  const [, , , region = '', account = ''] = (await tableArn(dynamo, stage)).split(':');
  return { account, region, stage };
}

/** The state machine of a staged job there. */
export async function stateMachineArn(
  dynamo: DynamoDBDocumentClient,
  stage: string,
  type: string,
): Promise<string> {
  const [, partition, , region, account] = (await tableArn(dynamo, stage)).split(':');
  return `arn:${partition}:states:${region}:${account}:stateMachine:${stateMachineName(stage, type)}`;
}

async function tableArn(dynamo: DynamoDBDocumentClient, stage: string): Promise<string> {
  const { Table } = await dynamo.send(new DescribeTableCommand({ TableName: tableName(stage, 'jobs') }));
  return Table?.TableArn ?? '';
}
