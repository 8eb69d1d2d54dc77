import { PutCommand } from '@aws-sdk/lib-dynamodb';
import type { SNSEvent } from 'aws-lambda';
import { documentClient } from '../../shared/consumer/index.ts';
import { required, tableVariable } from '../../shared/jobs/environment.ts';
import { recordOf } from './ses-event.ts';

const dynamo = documentClient();
const tableName = required(tableVariable('email-events'));

/**
 * Records SES's events, one item an event. An item says the same however often and in whatever order its event comes: SNS and Lambda
 * deliver at least once. What throws here Lambda tries twice more, and then hands to the function's dead-letter queue.
 */
export async function handler({ Records }: SNSEvent): Promise<void> {
  for (const { Sns } of Records) {
    const Item = recordOf(Sns.Message);
    if (Item) await dynamo.send(new PutCommand({ TableName: tableName, Item }));
  }
}
