import { AwsError } from '../kernel/errors.ts';
import { isDynaliteError } from './dynalite.ts';

export function validationError(message: string): AwsError {
  return new AwsError('ValidationException', message);
}

export function conditionFailed(): AwsError {
  return new AwsError('ConditionalCheckFailedException', 'The conditional request failed');
}

/** @param tableName named in the message by operations on tables, not by those on items */
export function tableNotFound(tableName?: string): AwsError {
  const detail = tableName === undefined ? '' : `: Table: ${tableName} not found`;
  return new AwsError('ResourceNotFoundException', `Requested resource not found${detail}`);
}

/** An error of dynalite's as one of ours; any other is a fault and stays what it is. */
export function asServiceError(error: unknown): unknown {
  if (!isDynaliteError(error)) return error;
  const code = error.body.__type.split('#').pop() ?? error.body.__type;
  return new AwsError(code, error.body.message ?? error.body.Message ?? error.message, error.statusCode);
}

/** For `DynamoDb.intercept`: the errors that a healthy client must live with, as DynamoDB words them. */
export const faults = {
  throttled: (): AwsError =>
    new AwsError(
      'ThrottlingException',
      'Throughput exceeds the current throughput limit for your account. Please retry shortly.',
    ),
  throughputExceeded: (): AwsError =>
    new AwsError(
      'ProvisionedThroughputExceededException',
      'The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.',
    ),
  internalServerError: (): AwsError => new AwsError('InternalServerError', 'Internal server error', 500),
  /** A single write met a transaction on its item. */
  transactionConflict: (): AwsError =>
    new AwsError('TransactionConflictException', 'Transaction is ongoing for the item'),
  /** A transaction met another one on its first item. Here none ever does by itself: each runs in one turn. */
  transactionConflicted: (itemCount: number): AwsError =>
    transactionCanceled(
      Array.from({ length: itemCount }, (_, at) =>
        at === 0
          ? { Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' }
          : { Code: 'None' },
      ),
    ),
};

/** Why one item of a transaction stood in its way; `None` for an item that did not. */
export interface CancellationReason {
  readonly Code: 'None' | 'ConditionalCheckFailed' | 'ValidationError' | 'TransactionConflict';
  readonly Message?: string;
  readonly Item?: unknown;
}

export function transactionCanceled(reasons: readonly CancellationReason[]): AwsError {
  const codes = reasons.map((reason) => reason.Code).join(', ');
  return new AwsError(
    'TransactionCanceledException',
    `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
    400,
    { CancellationReasons: reasons },
  );
}
