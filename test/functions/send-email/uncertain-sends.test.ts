import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { EventPlan } from '../../../local/ses/index.ts';
import { notificationTag } from '../../../shared/jobs/email-event.ts';
import { functionName } from '../../../shared/jobs/names.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';

const SEND = 'POST /v2/email/outbound-emails';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
});
afterEach(() => lab.cloud.ses.setEventPlan(undefined));
afterAll(() => lab.stop());

let made = 0;
interface Sent {
  /** Where the process is killed: before SES has the mail, or after it took it. */
  readonly killed: 'before' | 'after';
  readonly events?: EventPlan;
  readonly to?: string;
  readonly name?: string;
}

/** Sends one e-mail whose process dies at the call to SES, and runs everything to its end. */
async function send({ killed, events, to = 'kim@example.com', name = 'Kim' }: Sent) {
  const notificationId = `uncertain:${++made}`;
  lab.cloud.ses.setEventPlan(events);
  const point = { service: 'ses', operation: SEND, moment: killed };
  let left = 1;
  const lift = lab.cloud.faults.killWhen(
    (call) =>
      call.functionName === functionName(STAGE, JOBS.sendEmail.type) &&
      call.service === point.service &&
      call.operation === point.operation &&
      call.moment === point.moment &&
      left-- > 0,
  );
  const beganMs = lab.cloud.clock.now();
  await lab.publish(JOBS.sendEmail, {
    notificationId,
    to,
    message: { template: 'welcome', values: { name } },
  });
  await lab.drain();
  lift();
  return { notificationId, tookSeconds: (lab.cloud.clock.now() - beganMs) / 1000 };
}

const recordOf = (notificationId: string) => lab.record(JOBS.sendEmail, notificationId);
const mailsOf = (notificationId: string) =>
  lab.cloud.ses.sent().filter(({ tags }) => tags.notification === notificationTag(notificationId));

describe('an e-mail whose process died after SES took it', () => {
  it('is found by its events: one mail, and the job completes with the id that SES gave it', async () => {
    const { notificationId } = await send({ killed: 'after' });
    const [mail, ...others] = mailsOf(notificationId);
    expect(others).toEqual([]);
    expect(await recordOf(notificationId)).toMatchObject({
      state: 'completed',
      result: JSON.stringify({ sesMessageId: mail?.messageId }),
    });
  });

  it('is waited for while its events are late, which spends no attempt', async () => {
    const { notificationId } = await send({ killed: 'after', events: () => ({ delaySeconds: 600 }) });
    expect(mailsOf(notificationId)).toHaveLength(1);
    // The crash was the first attempt; all the looks until the event came are part of the second.
    expect(await recordOf(notificationId)).toMatchObject({ state: 'completed', attempts: 2 });
  });

  it('is given to a person when no event comes within a quarter of an hour, and not sent again', async () => {
    const { notificationId, tookSeconds } = await send({ killed: 'after', events: () => ({ copies: 0 }) });
    expect(mailsOf(notificationId)).toHaveLength(1);
    expect(await recordOf(notificationId)).toMatchObject({
      state: 'dead',
      verdict: { code: 'STEP_UNCERTAIN' },
    });
    expect(tookSeconds).toBeGreaterThanOrEqual(900);
    expect(tookSeconds).toBeLessThan(1100);
  });

  it('is found by the one event that is not lost, whichever it is', async () => {
    const { notificationId } = await send({
      killed: 'after',
      events: ({ type }) => (type === 'DELIVERY' ? undefined : { copies: 0 }),
    });
    expect(mailsOf(notificationId)).toHaveLength(1);
    expect(await recordOf(notificationId)).toMatchObject({ state: 'completed' });
  });

  it('is found once when each event comes three times and in the wrong order', async () => {
    const { notificationId } = await send({
      killed: 'after',
      events: ({ type }) => ({ copies: 3, delaySeconds: type === 'SEND' ? 30 : 1 }),
    });
    expect(mailsOf(notificationId)).toHaveLength(1);
    expect(await recordOf(notificationId)).toMatchObject({ state: 'completed' });
  });

  it('is found by an event that comes before anything else of it is written', async () => {
    const { notificationId } = await send({ killed: 'after', events: () => ({ delaySeconds: 0 }) });
    expect(mailsOf(notificationId)).toHaveLength(1);
    expect(await recordOf(notificationId)).toMatchObject({ state: 'completed' });
  });

  it('was sent when it bounced: the job did what it could', async () => {
    const { notificationId } = await send({
      killed: 'after',
      to: 'bounce@simulator.amazonses.com',
      events: ({ type }) => (type === 'BOUNCE' ? undefined : { copies: 0 }),
    });
    expect(mailsOf(notificationId)).toHaveLength(1);
    expect(await recordOf(notificationId)).toMatchObject({ state: 'completed' });
  });
});

describe('an e-mail whose process died before SES had it', () => {
  it('has no event, which says nothing: a person decides, and nothing was sent', async () => {
    const { notificationId } = await send({ killed: 'before' });
    expect(mailsOf(notificationId)).toEqual([]);
    expect((await lab.deadLetterOf(JOBS.sendEmail, notificationId))?.reason.code).toBe('STEP_UNCERTAIN');
  });
});

describe('an e-mail that SES took and then rejected', () => {
  // What SES's users test its virus scanner by; in two halves for those of this machine.
  const VIRUS = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-', 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');

  it('ends with the reason of SES, and a redrive may send it again', async () => {
    const { notificationId } = await send({ killed: 'after', name: VIRUS });
    expect(mailsOf(notificationId)).toHaveLength(1);
    const dead = await recordOf(notificationId);
    expect(dead).toMatchObject({ state: 'dead', verdict: { code: 'EMAIL_REFUSED' } });
    expect(dead?.verdict?.message).toContain('REJECT: Bad content');
    await lab.redrive(JOBS.sendEmail);
    await lab.drain();
    expect(mailsOf(notificationId)).toHaveLength(2);
    expect(await recordOf(notificationId)).toMatchObject({ state: 'completed' });
  });
});
