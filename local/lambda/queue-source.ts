import type { Sqs } from '../sqs/index.ts';

/** The part of SQS that mappings poll. */
export type QueueSource = Pick<Sqs, 'attributes' | 'changeVisibility' | 'deleteMessages' | 'receive'>;
