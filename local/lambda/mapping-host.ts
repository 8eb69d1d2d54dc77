import type { CloudContext } from '../kernel/service.ts';
import type { Sqs } from '../sqs/index.ts';
import type { FairSlots } from './fair-slots.ts';
import type { InvocationResult } from './invocation.ts';

/** The part of SQS that mappings poll. */
export type QueueSource = Pick<Sqs, 'attributes' | 'changeVisibility' | 'deleteMessages' | 'receive'>;

/** What a mapping works with. */
export interface MappingHost {
  readonly context: CloudContext;
  readonly queues: QueueSource;
  readonly slots: FairSlots;
  /** @throws AwsError `TooManyRequestsException`, `RecursiveInvocationException` */
  invoke(functionName: string, payload: string, traceHeader: string | undefined): Promise<InvocationResult>;
}
