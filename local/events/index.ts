export { EventBridge, type EventBridgeOptions, type IncomingEvent } from './events.ts';
