import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { ChargeLab } from './charge-lab.ts';

const { chargeCard } = JOBS;

let charges: ChargeLab;
beforeEach(async () => {
  charges = await ChargeLab.start();
});
afterEach(() => charges.stop());

const rightly = () => ({ url: charges.provider.url, apiKey: charges.provider.apiKey });

describe('a charge waits, and spends no attempt,', () => {
  it.each([
    ['has no address', { url: '', apiKey: 'key' }, 'is not filled in'],
    ['has no key', { url: 'https://cards.example.com' }, 'is not filled in'],
    [
      'has a key that no header can hold',
      { url: 'https://cards.example.com', apiKey: 'a\nb' },
      'is not filled in',
    ],
    ['has an address without TLS', { url: 'http://cards.example.com', apiKey: 'key' }, 'is not filled in'],
    [
      'has a password in its address',
      { url: 'https://me:too@cards.example.com', apiKey: 'key' },
      'is not filled in',
    ],
    ['is no JSON', 'sk_live_pasted_alone', 'is not filled in'],
  ])('while the secret %s', async (_what, secret, why) => {
    await charges.fillIn(secret);
    const charge = charges.charge();
    await charges.lab.publish(chargeCard, charge);
    await charges.lab.settle();
    const record = await charges.record(charge);
    expect(record).toMatchObject({ state: 'deferred', attempts: 0, deferrals: 1 });
    expect(record?.deferredBecause).toContain(`The secret honest-jobs/dev/card-provider ${why}`);
    expect(JSON.stringify(record)).not.toContain('sk_live_pasted_alone');
    expect(charges.provider.tries(charge.chargeId)).toBe(0);

    await charges.fillIn(rightly());
    await charges.lab.drain();
    expect(charges.provider.effects(charge.chargeId)).toBe(1);
    expect(await charges.record(charge)).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it('while the provider refuses the key, and takes the new one though the old is remembered', async () => {
    await charges.fillIn({ ...rightly(), apiKey: 'sk_revoked' });
    const charge = charges.charge();
    await charges.lab.publish(chargeCard, charge);
    await charges.lab.settle();
    expect((await charges.record(charge))?.deferredBecause).toContain('refuses the API key');
    await charges.fillIn(rightly());
    await charges.lab.drain();
    expect(charges.provider.effects(charge.chargeId)).toBe(1);
    expect(await charges.record(charge)).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it('forty times, which is more often than Lambda invokes a function in one chain of requests, and is made then', async () => {
    await charges.fillIn({ url: '', apiKey: '' });
    const charge = charges.charge();
    await charges.lab.publish(chargeCard, charge);
    for (let waits = 1; waits < 40; waits++) {
      await charges.lab.settle();
      await charges.lab.advance(901);
    }
    await charges.lab.settle();
    expect(await charges.record(charge)).toMatchObject({ state: 'deferred', attempts: 0, deferrals: 40 });

    await charges.fillIn(rightly());
    await charges.lab.drain();
    expect(charges.provider.effects(charge.chargeId)).toBe(1);
    expect(await charges.record(charge)).toMatchObject({ state: 'completed', attempts: 1, deferrals: 40 });
    expect(await charges.lab.deadLetters(chargeCard)).toEqual([]);
  });

  it('when nobody fills it in for a day, it is dead-lettered with what to do, and a redrive charges it', async () => {
    await charges.fillIn({ url: '', apiKey: '' });
    const charge = charges.charge();
    await charges.run(charge);
    const letter = await charges.lab.deadLetterOf(chargeCard, charge.chargeId);
    expect(letter?.reason.code).toBe('DEFERRALS_EXHAUSTED');
    expect(letter?.reason.message).toContain('honest-jobs/dev/card-provider is not filled in');
    await charges.fillIn(rightly());
    await charges.lab.redrive(chargeCard);
    await charges.lab.drain();
    expect(charges.provider.effects(charge.chargeId)).toBe(1);
    expect((await charges.record(charge))?.state).toBe('completed');
  });
});

describe('the secret', () => {
  it('is read once in five minutes, not once a job', async () => {
    let reads = 0;
    const lift = charges.lab.cloud.faults.add(({ operation, moment }) => {
      if (operation === 'GetSecretValue' && moment === 'before') reads++;
      return undefined;
    });
    for (let index = 0; index < 3; index++) await charges.run(charges.charge());
    expect(reads).toBe(1);
    await charges.lab.advance(301);
    await charges.run(charges.charge());
    lift();
    expect(reads).toBe(2);
  });

  it('of a fresh deployment is a placeholder: no address, and a key that is nobody’s', async () => {
    const secrets = charges.lab.cloud.secretsManager.secrets;
    const { name } = secrets.get('honest-jobs/dev/card-provider');
    const [first] = secrets.versions(name);
    expect(first?.value).toEqual({ SecretString: expect.stringMatching(/^\{"url":"","apiKey":"/) });
  });
});
