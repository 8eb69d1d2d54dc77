export type { SqsEvent, SqsListener } from './events.ts';
export type { EventMessageAttribute, MessageAttribute, MessageAttributes } from './message-attributes.ts';
export { IN_FLIGHT_LIMIT_MESSAGES } from './messages.ts';
export type { QueueCounts } from './queue.ts';
export type { QueueAttributes, QueueSettings } from './queue-attributes.ts';
export type { ReceivedMessage } from './received-message.ts';
export { type Intercept, type ReceiveOptions, type SendInput, Sqs, type SqsOptions } from './sqs.ts';
