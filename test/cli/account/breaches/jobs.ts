import { JOBS } from '../../../../shared/jobs/registry.ts';
import { type Breach, change, forget, paymentLetter, type Run, verdict } from '../well-run.ts';

const { sendEmail, processPayment } = JOBS;

export const BREACHES_OF_JOBS: readonly Breach[] = [
  {
    promise: 'Every accepted message ended',
    when: 'a job left no record',
    damage: (run) => forget(run, sendEmail, 'suppressed'),
    says: 'send-email#suppressed was accepted and left no record',
  },
  {
    promise: 'Every accepted message ended',
    when: 'a job still runs',
    damage: (run) => change(run, sendEmail, 'suppressed', { state: 'running' }),
    says: 'send-email#suppressed is still running',
  },
  {
    promise: 'Every accepted message ended',
    when: 'a job still backs off',
    damage: (run) => change(run, sendEmail, 'suppressed', { state: 'retrying' }),
    says: 'send-email#suppressed is still retrying',
  },
  {
    promise: 'Every accepted message ended',
    when: 'one of two malformed messages alike has gone',
    damage: (run) => run.deadLetters.get(sendEmail.type)?.pop(),
    says: 'a malformed message of send-email was sent 2 times and lies 1 times in dead-letter queues: no JSON',
  },
  {
    promise: 'Every accepted message ended',
    when: 'a message with a reused key has gone',
    damage: (run) => run.deadLetters.get(processPayment.type)?.shift(),
    says: 'process-payment#t1 was published with another payload, and that message is in no dead-letter queue',
  },
  {
    promise: 'Every dead job lies in its dead-letter queue',
    when: 'a dead job lies nowhere',
    damage: (run) => run.deadLetters.get(processPayment.type)?.pop(),
    says: 'process-payment#t2 was given up on and is in no dead-letter queue',
  },
  ...[
    { code: 'UNKNOWN_ACCOUNT', message: '' },
    { code: 'NEVER_RAN', message: 'All receives passed.' },
    { code: 'RECEIVES_EXHAUSTED', message: 'SQS moved it.' },
  ].map((reason) => ({
    promise: 'Every dead job lies in its dead-letter queue',
    when: `a dead letter has the reason ${JSON.stringify(reason)}`,
    damage: (run: Run) => run.deadLetters.get(processPayment.type)?.push(paymentLetter('t2', reason)),
    says: 'dead letter m is there for no reason of its own',
  })),
  {
    promise: 'No job died of the outage',
    when: 'a job spent its attempts',
    damage: (run) =>
      change(run, processPayment, 't2', {
        verdict: { ...verdict, message: 'The service is unavailable.', exhausted: true },
      }),
    says: 'process-payment#t2 died of it: The service is unavailable.',
  },
];
