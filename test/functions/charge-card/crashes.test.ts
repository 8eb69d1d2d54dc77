import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AwsError } from '../../../local/kernel/errors.ts';
import { functionName } from '../../../shared/jobs/names.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { ChargeLab } from './charge-lab.ts';

let charges: ChargeLab;
beforeAll(async () => {
  charges = await ChargeLab.start();
});
afterAll(() => charges.stop());
// Each begins with a process that has read no secret.
beforeEach(() => charges.killConsumer());

/** What one attempt calls in the cloud, in order; the last test holds that it is so. */
const CALLS = [
  'hide the batch',
  'claim',
  'look into the ledger',
  'begin the step',
  'read the secret',
  'finish the step',
  'record the charge',
  'complete',
] as const;

const FAULTS = [
  ['the process is killed before it can', 'before', 'kill'],
  ['the process is killed once it did', 'after', 'kill'],
  ['its answer is lost', 'after', new AwsError('InternalServerError', 'The answer was lost.', 500)],
] as const;

const POINTS = CALLS.flatMap((call, index) =>
  FAULTS.map(([what, moment, fault]) => ({ call, nth: index + 1, what, moment, fault })),
);

async function holdsOneCharge(charge: ReturnType<ChargeLab['charge']>): Promise<void> {
  expect(charges.provider.effects(charge.chargeId)).toBe(1);
  const [made] = charges.provider.charges().filter(({ reference }) => reference === charge.chargeId);
  expect(await charges.row(charge)).toEqual({
    ...charge,
    state: 'succeeded',
    providerChargeId: made?.id,
    recordedAt: expect.any(String),
  });
  expect(await charges.record(charge)).toMatchObject({
    state: 'completed',
    result: JSON.stringify({ state: 'succeeded', providerChargeId: made?.id }),
  });
}

describe('a card is charged once, and the ledger has it,', () => {
  it.each(POINTS)('when at "$call" $what', async ({ nth, moment, fault }) => {
    const charge = charges.charge();
    let calls = 0;
    const lift = charges.lab.cloud.faults.add((call) => {
      if (call.functionName !== functionName(STAGE, JOBS.chargeCard.type)) return undefined;
      if (call.moment === 'before') calls++;
      return calls === nth && call.moment === moment ? fault : undefined;
    });
    await charges.run(charge);
    lift();
    await holdsOneCharge(charge);
  });

  it.each([
    ['before the provider has charged it', 'before'],
    ['after the provider has charged it, and before it answers', 'after'],
  ] as const)('when the process is killed %s', async (_what, moment) => {
    const charge = charges.charge();
    const ignore = charges.provider.onCharge(async (at) => {
      if (at !== moment) return;
      ignore();
      await charges.killConsumer();
    });
    await charges.run(charge);
    await holdsOneCharge(charge);
    expect((await charges.record(charge))?.history).toMatchObject([{ attempt: 1, code: 'CRASHED' }]);
  });

  it('when it is published twice at once', async () => {
    const charge = charges.charge();
    await charges.lab.publishTwice(JOBS.chargeCard, charge);
    await charges.lab.drain();
    await holdsOneCharge(charge);
  });

  it('in so many calls', async () => {
    const seen: string[] = [];
    const lift = charges.lab.cloud.faults.add((call) => {
      if (call.functionName === functionName(STAGE, JOBS.chargeCard.type) && call.moment === 'before')
        seen.push(call.operation);
      return undefined;
    });
    const charge = charges.charge();
    await charges.run(charge);
    lift();
    await holdsOneCharge(charge);
    expect(seen).toHaveLength(CALLS.length);
    expect(seen.indexOf('GetSecretValue')).toBe(CALLS.indexOf('read the secret'));
  });
});
