import type * as z from 'zod';
import { AwsError } from '../kernel/errors.ts';

/** Codes that CloudWatch's older query protocol had; SDKs and the AWS CLI still show them, from `x-amzn-query-error`. */
const QUERY_CODES: Readonly<Record<string, string>> = {
  DashboardInvalidInputError: 'InvalidParameterInput',
  DashboardNotFoundError: 'ResourceNotFound',
  InternalFailure: 'InternalError',
  InvalidFormatFault: 'InvalidFormat',
  InvalidParameterCombinationException: 'InvalidParameterCombination',
  InvalidParameterValueException: 'InvalidParameterValue',
  MissingRequiredParameterException: 'MissingParameter',
  UnknownOperationException: 'InvalidAction',
  ValidationException: 'ValidationError',
};

export function queryErrorHeader(error: AwsError): Record<string, string> {
  const code = QUERY_CODES[error.code] ?? error.code;
  return { 'x-amzn-query-error': `${code};${error.status < 500 ? 'Sender' : 'Receiver'}` };
}

export function validationError(message: string): AwsError {
  return new AwsError('ValidationException', message);
}

export function invalidValue(message: string): AwsError {
  return new AwsError('InvalidParameterValueException', message);
}

export function invalidCombination(message: string): AwsError {
  return new AwsError('InvalidParameterCombinationException', message);
}

/** Reads a request by its schema. @throws AwsError `code`, naming each parameter that is missing, wrong or unknown */
export function readInput<Schema extends z.ZodType>(
  schema: Schema,
  input: unknown,
  code = 'ValidationException',
): z.output<Schema> {
  const read = schema.safeParse(input);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  );
  throw new AwsError(
    code,
    `${problems.length} validation error${problems.length === 1 ? '' : 's'} detected: ${problems.join('; ')}`,
  );
}
