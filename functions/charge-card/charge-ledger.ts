import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { PermanentError } from '../../shared/consumer/index.ts';
import type { Charge, ChargeOutcome } from './card-provider.ts';

/** A charge as the table keeps it, for ever. */
type ChargeRow = Charge & ChargeOutcome & { readonly recordedAt: string };

/** Each charge that has an outcome, in a row of its own. */
export class ChargeLedger {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #tableName: string;

  constructor(dynamo: DynamoDBDocumentClient, tableName: string) {
    this.#dynamo = dynamo;
    this.#tableName = tableName;
  }

  /** What became of the charge. @throws PermanentError `CHARGE_ID_REUSED` */
  async outcomeOf(charge: Charge): Promise<ChargeOutcome | undefined> {
    const { Item } = await this.#dynamo.send(
      new GetCommand({
        TableName: this.#tableName,
        Key: { chargeId: charge.chargeId },
        ConsistentRead: true,
      }),
    );
    return Item && sameCharge(charge, Item as ChargeRow);
  }

  /** Records the outcome; recorded already, it stays as it is. @throws PermanentError `CHARGE_ID_REUSED` */
  async record(charge: Charge, outcome: ChargeOutcome): Promise<void> {
    const row: ChargeRow = { ...charge, ...outcome, recordedAt: new Date().toISOString() };
    try {
      await this.#dynamo.send(
        new PutCommand({
          TableName: this.#tableName,
          Item: row,
          ConditionExpression: 'attribute_not_exists(chargeId)',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException) || !error.Item) throw error;
      sameCharge(charge, unmarshall(error.Item) as ChargeRow);
    }
  }
}

/** The idempotency record lives for weeks, the ledger for ever: the same id after the record is gone must still be the same charge. */
function sameCharge(charge: Charge, row: ChargeRow): ChargeOutcome {
  const { chargeId, customer, paymentMethod, amountMinor, currency } = charge;
  if (
    row.customer !== customer ||
    row.paymentMethod !== paymentMethod ||
    row.amountMinor !== amountMinor ||
    row.currency !== currency
  )
    throw new PermanentError(
      `Charge ${chargeId} is recorded already with another customer, payment method, amount or currency.`,
      { code: 'CHARGE_ID_REUSED' },
    );
  const { state, reason, providerChargeId } = row as {
    [Key in 'reason' | 'providerChargeId']?: string;
  } & ChargeRow;
  return (
    state === 'succeeded' ? { state, providerChargeId } : { state, reason, providerChargeId }
  ) as ChargeOutcome;
}
