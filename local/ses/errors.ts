import { AwsError } from '../kernel/errors.ts';

/** Something in the request is malformed; SES did not take the mail. */
export function badRequest(message: string): AwsError {
  return new AwsError('BadRequestException', message);
}

/** SES understood the mail and refuses to send it. */
export function messageRejected(message: string): AwsError {
  return new AwsError('MessageRejected', message);
}

export function notFound(message: string): AwsError {
  return new AwsError('NotFoundException', message, 404);
}
