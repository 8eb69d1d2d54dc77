import { AwsError } from '../kernel/errors.ts';

export function notFound(what = 'the specified secret.'): AwsError {
  return new AwsError('ResourceNotFoundException', `Secrets Manager can't find ${what}`);
}

export function invalidParameter(reason: string): AwsError {
  return new AwsError('InvalidParameterException', reason);
}

export function alreadyThere(): AwsError {
  return new AwsError(
    'ResourceExistsException',
    "You can't use ClientRequestToken because that value is already in use for a version of this secret with other data.",
  );
}
