import { setTimeout as sleep } from 'node:timers/promises';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tableName } from '../../../shared/jobs/names.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { type Charge, ChargeLab } from './charge-lab.ts';

const { chargeCard } = JOBS;
const UNCERTAIN = 'Step "charge" left no certain outcome: its effect may have happened.';
const DAY_SECONDS = 86_400;

let charges: ChargeLab;
beforeAll(async () => {
  charges = await ChargeLab.start();
});
afterAll(() => charges.stop());
beforeEach(() => charges.provider.behave());

async function deadLetterOf({ chargeId }: Charge) {
  return (await charges.lab.deadLetterOf(chargeCard, chargeId))?.reason;
}

describe('a card is charged once', () => {
  it.each([
    ['the provider is slow', { latencySeconds: 1 }, 1],
    // It keeps the 500 under the key, so only a look at the charge can tell.
    ['the provider charges, and answers with a 500', { answer: 'failed' }, 1],
    ['the provider charges, and its answer breaks off half-way', { answer: 'half' }, 2],
    ['the provider charges, and breaks the connection', { answer: 'dropped' }, 2],
    ['the provider charges, and never answers', { answer: 'hanging' }, 2],
    ['the provider charges, and its answer is no JSON', { answer: 'garbled' }, 2],
    ['the provider charges, and its answer does not end', { answer: 'endless' }, 2],
    ['the provider charges, and sends us elsewhere', { answer: 'redirected' }, 2],
    ['the provider answers with a 500 before it charges', { answer: 'failed', charges: false }, 2],
    ['the connection breaks before the provider charges', { answer: 'dropped', charges: false }, 2],
  ] as const)('when %s', async (_what, behaviour, attempts) => {
    charges.provider.behave({ ...behaviour, times: 1 });
    const charge = charges.charge();
    await charges.run(charge);
    expect(charges.provider.effects(charge.chargeId)).toBe(1);
    expect(await charges.record(charge)).toMatchObject({ state: 'completed', attempts });
    expect(await charges.row(charge)).toMatchObject({ ...charge, state: 'succeeded' });
  });

  it('when the provider refuses connections for a while', async () => {
    await charges.provider.refuse();
    const charge = charges.charge();
    await charges.lab.publish(chargeCard, charge);
    await charges.lab.settle();
    const { state, history } = (await charges.record(charge)) ?? {};
    expect(state).toBe('retrying');
    expect(history?.[0]?.message).toContain('The card provider cannot be reached: ECONNREFUSED');
    await charges.provider.accept();
    await charges.lab.drain();
    expect(charges.provider.effects(charge.chargeId)).toBe(1);
    expect(await charges.record(charge)).toMatchObject({ state: 'completed', attempts: 2 });
  });

  it('when the provider asks for later, and no attempt is spent on that', async () => {
    charges.provider.behave({ rateLimited: { retryAfterSeconds: 40 }, times: 2 });
    const charge = charges.charge();
    const beganMs = charges.lab.cloud.clock.now();
    await charges.run(charge);
    expect(charges.lab.cloud.clock.now() - beganMs).toBeGreaterThanOrEqual(80_000);
    expect(charges.provider.effects(charge.chargeId)).toBe(1);
    expect(await charges.record(charge)).toMatchObject({ state: 'completed', attempts: 1, deferrals: 2 });
  });

  it('when another try with the same key is still under way', async () => {
    const charge = charges.charge();
    // The first try is given up by its consumer, and goes on at the provider until the second one is there.
    const ignore = charges.provider.onCharge(async (moment) => {
      if (moment !== 'before') return;
      await charges.killConsumer();
      while (charges.provider.tries(charge.chargeId) < 2) await sleep(5);
      await sleep(5);
    });
    await charges.run(charge);
    ignore();
    expect(charges.provider.effects(charge.chargeId)).toBe(1);
    const { state, history } = (await charges.record(charge)) ?? {};
    expect(state).toBe('completed');
    expect(history?.slice(0, 2)).toMatchObject([
      { code: 'CRASHED' },
      { code: 'CHARGE_UNCERTAIN', message: expect.stringContaining('answered 409') },
    ]);
  });
});

describe('no card is charged', () => {
  it.each([
    ['pm_card_insufficient_funds', 'insufficient_funds'],
    ['pm_card_expired', 'expired_card'],
  ])('when the bank declines %s, which ends the job well', async (paymentMethod, reason) => {
    const charge = charges.charge({ paymentMethod });
    await charges.run(charge);
    expect(charges.provider.effects(charge.chargeId)).toBe(0);
    expect(await charges.record(charge)).toMatchObject({ state: 'completed', attempts: 1 });
    const [made] = charges.provider.charges().filter(({ reference }) => reference === charge.chargeId);
    expect(await charges.row(charge)).toEqual({
      ...charge,
      state: 'declined',
      reason,
      providerChargeId: made?.id,
      recordedAt: expect.any(String),
    });
    expect(await deadLetterOf(charge)).toBeUndefined();
  });

  it('when the provider refuses the charge for good, and the job ends with its reason', async () => {
    const charge = charges.charge({ customer: 'cus_unknown' });
    await charges.run(charge);
    expect(charges.provider.effects(charge.chargeId)).toBe(0);
    expect(await charges.record(charge)).toMatchObject({ state: 'dead', attempts: 1 });
    expect(await deadLetterOf(charge)).toEqual(
      expect.objectContaining({
        code: 'CHARGE_REFUSED',
        message: 'The card provider refuses the charge: resource_missing, status 400.',
      }),
    );
  });

  it('when the provider refuses connections until all attempts are spent, and the reason is certain', async () => {
    await charges.provider.refuse();
    const charge = charges.charge();
    await charges.run(charge);
    await charges.provider.accept();
    const reason = await deadLetterOf(charge);
    expect(reason?.message).toContain('ECONNREFUSED');
    expect(reason?.message).not.toContain(UNCERTAIN);
    expect(charges.provider.effects(charge.chargeId)).toBe(0);
  });

  it('when its key was used for something else, and a person is told to look there', async () => {
    const charge = charges.charge();
    const { url, apiKey } = charges.provider;
    const foreign = {
      amount: '5',
      currency: 'eur',
      customer: 'cus_x',
      payment_method: 'pm_x',
      reference: 'x',
    };
    await fetch(`${url}/v1/charges`, {
      method: 'POST',
      headers: { authorization: `Bearer ${apiKey}`, 'idempotency-key': charge.chargeId },
      body: new URLSearchParams(foreign),
    });
    await charges.run(charge);
    expect(charges.provider.effects(charge.chargeId)).toBe(0);
    expect(await deadLetterOf(charge)).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  });

  it.each([
    ['the same charge', {}, 'completed'],
    ['another charge under its id', { amountMinor: 99 }, 'dead'],
  ])('when the ledger has %s from long ago', async (_what, changes, state) => {
    const charge = charges.charge();
    const row = { ...charge, ...changes, state: 'succeeded', providerChargeId: 'ch_old', recordedAt: 'then' };
    await charges.lab.dynamo.send(new PutCommand({ TableName: tableName(STAGE, 'charges'), Item: row }));
    await charges.run(charge);
    expect(charges.provider.effects(charge.chargeId)).toBe(0);
    expect(await charges.record(charge)).toMatchObject({ state });
    expect(await charges.row(charge)).toEqual(row);
    if (state === 'dead') expect(await deadLetterOf(charge)).toMatchObject({ code: 'CHARGE_ID_REUSED' });
  });
});

describe('a charge that stayed uncertain until all attempts were spent', () => {
  it.each([
    ['was made: it is found there, and not made again', true, 0],
    ['was not made: it is made now', false, 1],
  ])(
    'and is redriven a day later, when the provider has forgotten the key, %s',
    async (_what, made, tries) => {
      charges.provider.behave({ answer: 'dropped', charges: made });
      const charge = charges.charge();
      await charges.run(charge);
      expect((await deadLetterOf(charge))?.message).toContain(UNCERTAIN);
      expect(charges.provider.effects(charge.chargeId)).toBe(made ? 1 : 0);

      await charges.lab.advance(DAY_SECONDS);
      charges.provider.forgetKeys();
      charges.provider.behave();
      const before = charges.provider.tries(charge.chargeId);
      await charges.lab.redrive(chargeCard);
      await charges.lab.drain();
      expect(charges.provider.effects(charge.chargeId)).toBe(1);
      expect(charges.provider.tries(charge.chargeId) - before).toBe(tries);
      expect(await charges.row(charge)).toMatchObject({ ...charge, state: 'succeeded' });
      expect(await charges.record(charge)).toMatchObject({ state: 'completed', life: 2 });
    },
  );
});

describe('the logs', () => {
  it('have neither the key nor what the provider answers', () => {
    const logs = charges.lab.logs.join('\n');
    expect(logs).toContain('charge-card');
    for (const secret of [
      charges.provider.apiKey,
      'The card was declined',
      'Invalid customer',
      'pm_card_visa',
    ])
      expect(logs).not.toContain(secret);
  });
});
