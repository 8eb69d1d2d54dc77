import type { AwsError } from '../kernel/errors.ts';

/** A call to the cloud, seen from the cloud's side. */
export interface ObservedCall {
  /** The function that calls; empty for a caller outside the cloud, such as a publisher. */
  readonly functionName: string;
  /** One environment: the same for all calls of one thread. Outside callers sign with whatever they were given. */
  readonly accessKeyId: string;
  /** The service's signing name: `sqs`, `dynamodb`, `ses`. */
  readonly service: string;
  /** `PutItem`; for REST services method and path (`POST /v2/email/outbound-emails`). */
  readonly operation: string;
  /** What follows the path. */
  readonly query: URLSearchParams;
  /** Counts the caller's calls of this operation, from 1 on. */
  readonly nth: number;
  /** `before` it has any effect, or `after` its effect and before its answer. */
  readonly moment: 'before' | 'after';
  /** The request's JSON. */
  input(): unknown;
}

/** What befalls a call. `before` its effect does not happen (but for what is slow or held: then it does), `after` it has. */
export type Fault =
  /** Its environment dies, as a process that ran out of memory does. An outside caller's connection breaks. */
  | 'kill'
  /** It is never answered: the caller waits until its own time-out. */
  | 'hang'
  /** The connection breaks: `before` without a word, `after` in the middle of the answer. */
  | 'reset'
  /** It is answered with success, and half a body. */
  | 'half-answer'
  /** It is answered with this error. */
  | AwsError
  | SlowFault
  | HeldFault
  | RefusedEntries;

/** It takes so much longer, in the cloud's seconds: `before` its effect, or `after` it and before its answer. */
export interface SlowFault {
  readonly slowSeconds: number;
}

/** It goes on when the promise has ended, however long that takes. */
export interface HeldFault {
  readonly heldUntil: Promise<unknown>;
}

/** Entries of an SQS batch (`SendMessageBatch` and the others) are refused, the rest is done. Only `before`. */
export interface RefusedEntries {
  /** Positions in the batch, from 0 on, or all of them. */
  readonly refuse: readonly number[] | 'all';
  /** @default InternalError, of SQS's own making */
  readonly error?: AwsError;
}

/** A rule is asked at both moments of every call. */
export type FaultRule = (call: ObservedCall) => Fault | undefined;

export interface CallPoint {
  /** @default every function */
  readonly functionName?: string;
  readonly service: string;
  readonly operation: string;
  /** @default 1 */
  readonly nth?: number;
  /** @default before */
  readonly moment?: ObservedCall['moment'];
}
