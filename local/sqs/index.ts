export type { SqsEvent, SqsListener } from './events.ts';
export type { EventMessageAttribute } from './message-attributes.ts';
export type { QueueCounts } from './queue.ts';
export type { QueueAttributes, QueueSettings } from './queue-attributes.ts';
export type { ReceivedMessage } from './received-message.ts';
export { type Intercept, type ReceiveOptions, Sqs, type SqsOptions } from './sqs.ts';
