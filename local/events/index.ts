export type { EventEnvelope } from './envelope.ts';
export { EventBridge, type EventBridgeOptions, type IncomingEvent } from './events.ts';
