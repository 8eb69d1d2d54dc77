import { AwsError } from '../kernel/errors.ts';

export function invalidArn(arn: unknown): AwsError {
  return new AwsError('InvalidArn', `Invalid Arn: '${String(arn)}'`);
}

export function invalidName(name: string): AwsError {
  return new AwsError('InvalidName', `Invalid Name: '${name}'`);
}

export function invalidDefinition(problem: string): AwsError {
  return new AwsError('InvalidDefinition', `Invalid State Machine Definition: '${problem}'`);
}

export function invalidInput(problem: string): AwsError {
  return new AwsError('InvalidExecutionInput', `Invalid State Machine Execution Input: '${problem}'`);
}

export function noStateMachine(arn: string): AwsError {
  return new AwsError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${arn}'`);
}

export function noExecution(arn: string): AwsError {
  return new AwsError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
}

export function validation(message: string): AwsError {
  return new AwsError('ValidationException', message);
}

/** What a state failed with, as Retry and Catch see it. */
export class StateError extends Error {
  override readonly name = 'StateError';
  /** `States.Timeout`, `Lambda.TooManyRequestsException`, or a function's own. */
  readonly error: string;
  readonly detail: string;

  constructor(error: string, detail: string) {
    super(`${error}: ${detail}`);
    this.error = error;
    this.detail = detail;
  }
}

/** An error of the definition or of the data that flows through it: it fails the execution, whatever is caught. */
export function runtimeError(detail: string): StateError {
  return new StateError('States.Runtime', detail);
}
