import type { Logger } from '@aws-lambda-powertools/logger';
import type { JobMessage } from '../jobs/message.ts';
import type { StepFunction } from './step.ts';

/** What a handler is given beside its payload. */
export interface JobContext {
  readonly job: {
    /** The id that the publisher chose. */
    readonly id: string;
    readonly type: string;
    readonly key: string;
    /** 1 for the first attempt of this life. */
    readonly attempt: number;
    /** 1, and one more for each redrive that began the job afresh. */
    readonly life: number;
    /** Of a staged job that was redriven: the execution of the life before. */
    readonly executionArn?: string;
  };
  /** The message that the job came by, for what is beside its data. */
  readonly message: JobMessage;
  /** Aborts at `timeoutSeconds`: hand it to every call that takes one. */
  readonly signal: AbortSignal;
  /** Runs a named part of the handler once, and remembers its result for later attempts. */
  readonly step: StepFunction;
  /** Knows the job's id, type, key and attempt. Payloads do not belong into logs. */
  readonly log: Logger;
}

/** The work of a job type. What it returns is kept with the key: small, JSON (ids, pointers). */
export type JobHandler<Payload> = (payload: Payload, context: JobContext) => Promise<unknown>;
