import { describe, expect, it } from 'vitest';
import { judge } from '../../../cli/account/promises.ts';
import type { FeedEntry } from '../../../cli/feed.ts';
import { payloadHash } from '../../../shared/jobs/message.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { BREACHES_OF_CHARGES } from './breaches/charges.ts';
import { BREACHES_OF_EMAILS } from './breaches/emails.ts';
import { BREACHES_OF_JOBS } from './breaches/jobs.ts';
import { BREACHES_OF_LEDGER } from './breaches/ledger.ts';
import { BREACHES_OF_REPORTS } from './breaches/reports.ts';
import { BREACHES_OF_RESUMPTIONS } from './breaches/resumptions.ts';
import { BREACHES_OF_WEBHOOKS } from './breaches/webhooks.ts';
import { change, judgement, letter, opening, payment, verdict, wellRun } from './well-run.ts';

const { sendEmail, processPayment, chargeCard } = JOBS;

const BREACHES = [
  ...BREACHES_OF_JOBS,
  ...BREACHES_OF_LEDGER,
  ...BREACHES_OF_EMAILS,
  ...BREACHES_OF_CHARGES,
  ...BREACHES_OF_REPORTS,
  ...BREACHES_OF_RESUMPTIONS,
  ...BREACHES_OF_WEBHOOKS,
];

describe('the promises', () => {
  it('hold for a run in which all went well', () => {
    expect(judgement(wellRun()).filter(({ broken }) => broken.length > 0)).toEqual([]);
  });

  it.each(BREACHES)('"$promise" breaks when $when', ({ promise, damage, says }) => {
    const run = wellRun();
    damage(run);
    const promised = judgement(run).find((one) => one.promise.startsWith(promise));
    expect(promised?.broken).toEqual([expect.stringContaining(says)]);
  });

  it('are each shown to break', () => {
    const unbroken = judgement(wellRun()).filter(
      ({ promise }) => !BREACHES.some((breach) => promise.startsWith(breach.promise)),
    );
    expect(unbroken).toEqual([]);
  });

  it.each([
    ['decided by it', { code: 'STEP_UNCERTAIN' }],
    ['of a job whose attempts ran out', { message: 'No answer.' }],
  ])('let the e-mail of an uncertain step have been sent or not: %s', (_what, changes) => {
    const uncertain = { state: 'dead', verdict: { ...verdict, ...changes, uncertain: ['send'] } } as const;
    for (const sent of [true, false]) {
      const run = wellRun();
      change(run, sendEmail, 'hello: you', uncertain);
      run.deadLetters
        .get(sendEmail.type)
        ?.push(
          letter({ reason: uncertain.verdict, job: { id: 'x', type: sendEmail.type, key: 'hello: you' } }),
        );
      if (!sent) run.mails.shift();
      expect(judgement(run).filter(({ broken }) => broken.length > 0)).toEqual([]);
    }
  });

  it('let the card of an uncertain step have been charged or not', () => {
    const reason = { ...verdict, uncertain: ['charge'] };
    for (const charged of [true, false]) {
      const run = wellRun();
      change(run, chargeCard, 'c1', { state: 'dead', verdict: reason });
      run.deadLetters.set(chargeCard.type, [
        letter({ reason, job: { id: 'x', type: chargeCard.type, key: 'c1' } }),
      ]);
      run.charges.shift();
      if (!charged) run.providerCharges.shift();
      expect(judgement(run).filter(({ broken }) => broken.length > 0)).toEqual([]);
    }
  });

  it.each(['expired', 'cancelled'] as const)(
    'take a job that has %s for ended, without its effect',
    (state) => {
      const run = wellRun();
      change(run, processPayment, 't1', { state });
      expect(judgement(run).flatMap(({ broken }) => broken)).toEqual([
        'payment t1 is in the ledger, but its job did not complete',
      ]);
      run.payments.pop();
      run.accounts.splice(0, 1, { accountId: 'a', balanceMinor: 100, currency: 'EUR' });
      expect(judgement(run).flatMap(({ broken }) => broken)).toEqual([]);
    },
  );

  it('take a body that is a job for the job that it is', () => {
    const run = wellRun();
    const body: FeedEntry = {
      kind: 'body',
      afterSeconds: 0,
      job: processPayment,
      body: '{…}',
      reads: { data: payment, key: 't1', payloadHash: payloadHash(payment) },
    };
    expect(judge([body], opening, run).filter(({ broken }) => broken.length > 0)).toEqual([]);
    run.payments.pop();
    expect(judge([body], opening, run).flatMap(({ broken }) => broken)).toContain(
      'payment t1 completed, but is not in the ledger',
    );
  });
});
