import { JOBS } from '../../../../shared/jobs/registry.ts';
import { type Breach, change, forget, verdict } from '../well-run.ts';

const { sendEmail } = JOBS;

export const BREACHES_OF_EMAILS: readonly Breach[] = [
  {
    promise: 'Each placed order led to its confirmation',
    when: 'an order has no e-mail job',
    damage: (run) => forget(run, sendEmail, 'order-confirmation:o1'),
    says: 'order o1 has no confirmation e-mail job',
  },
  {
    promise: 'The e-mails that completed were sent',
    when: 'a completed e-mail was not sent',
    damage: (run) => run.mails.shift(),
    says: 'e-mail hello: you completed, but was not sent',
  },
  {
    promise: 'The e-mails that completed were sent',
    when: 'a suppressed address got its e-mail',
    damage: (run) => run.mails.push({ notification: 'suppressed', to: 'not-an-address' }),
    says: 'e-mail suppressed (completed) was sent',
  },
  {
    promise: 'The e-mails that completed were sent',
    when: 'the e-mail of a dead job was sent, and its step was certain',
    damage: (run) => change(run, sendEmail, 'hello: you', { state: 'dead', verdict }),
    says: 'e-mail hello: you (dead) was sent',
  },
  {
    promise: 'The e-mails that completed were sent',
    when: 'an e-mail was sent that no job asked for',
    damage: (run) => run.mails.push({ notification: 'stray', to: 'you@example.com' }),
    says: 'e-mail stray was sent, and there is no job for it',
  },
  {
    promise: 'No e-mail was sent twice',
    when: 'one was',
    damage: (run) => run.mails.push({ notification: 'hello_3A_20you', to: 'you@example.com' }),
    says: 'e-mail hello_3A_20you was sent 2 times',
  },
];
