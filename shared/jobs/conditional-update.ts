import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, UpdateCommand, type UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';

/** What became of a write with a condition. */
export type Updated<Item> =
  /** With what its `ReturnValues` asked for. */
  | { readonly written: true; readonly attributes: Item | undefined }
  /** With the item that is in the way; none where none is there. */
  | { readonly written: false; readonly inTheWay: Item | undefined };

/** One write with a condition. @throws what DynamoDB throws, but for a condition that failed */
export async function conditionalUpdate<Item>(
  client: DynamoDBDocumentClient,
  input: UpdateCommandInput,
  options: { readonly abortSignal?: AbortSignal } = {},
): Promise<Updated<Item>> {
  try {
    const { Attributes } = await client.send(
      new UpdateCommand({ ...input, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' }),
      options,
    );
    return { written: true, attributes: Attributes as Item | undefined };
  } catch (error) {
    return { written: false, inTheWay: itemInTheWay(error) };
  }
}

/** What a condition's failure carries. @throws the error itself, unless it is one */
export function itemInTheWay<Item>(error: unknown): Item | undefined {
  if (!(error instanceof ConditionalCheckFailedException)) throw error;
  // The document client does not unmarshall what an error carries.
  return error.Item && (unmarshall(error.Item) as Item);
}
