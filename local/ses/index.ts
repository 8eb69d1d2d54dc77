export type { Behaviour } from './behaviour.ts';
export type { SentMail } from './mail.ts';
export { Ses } from './ses.ts';
