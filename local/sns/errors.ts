import { AwsError } from '../kernel/errors.ts';

export function invalidParameter(reason: string): AwsError {
  return new AwsError('InvalidParameter', `Invalid parameter: ${reason}`);
}

export function notFound(message: string): AwsError {
  return new AwsError('NotFound', message, 404);
}
