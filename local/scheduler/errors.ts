import { AwsError } from '../kernel/errors.ts';

export function validation(message: string): AwsError {
  return new AwsError('ValidationException', message);
}

export function conflict(message: string): AwsError {
  return new AwsError('ConflictException', message, 409);
}

export function notFound(message: string): AwsError {
  return new AwsError('ResourceNotFoundException', message, 404);
}
