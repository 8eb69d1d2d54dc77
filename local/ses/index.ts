export type { Behaviour } from './behaviour.ts';
export type { EventFate, EventPlan } from './event-queue.ts';
export type { EventType, MailEvent } from './events.ts';
export type { SentMail } from './mail.ts';
export { Ses } from './ses.ts';
