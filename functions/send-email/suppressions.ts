import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';

/** Addresses that nothing is sent to any more. SES keeps such a list too, but lets it be read only once a second. */
export class Suppressions {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #tableName: string;

  constructor(dynamo: DynamoDBDocumentClient, tableName: string) {
    this.#dynamo = dynamo;
    this.#tableName = tableName;
  }

  async has(address: string): Promise<boolean> {
    const { Item } = await this.#dynamo.send(
      new GetCommand({ TableName: this.#tableName, Key: { address: normal(address) } }),
    );
    return Item !== undefined;
  }

  async add(address: string, reason: string): Promise<void> {
    await this.#dynamo.send(
      new PutCommand({
        TableName: this.#tableName,
        Item: { address: normal(address), reason, suppressedAt: new Date().toISOString() },
      }),
    );
  }
}

/** Mail servers may tell the case of a local part apart; none that matters does. */
function normal(address: string): string {
  return address.trim().toLowerCase();
}
