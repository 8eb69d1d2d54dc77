import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { readOpening, seed } from '../../cli/opening.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import { Lab } from '../lab/lab.ts';
import { ABSENT, environmentOf, run } from './programs.ts';

const BILLING = fileURLToPath(new URL('billing.py', import.meta.url));

describe.skipIf(ABSENT.boto3)('a service on boto3', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
    await seed(readOpening(), lab.dynamo, STAGE);
  });
  afterAll(() => lab.stop());

  it('publishes a batch, sees one job completed and the other dead, and reads the alarms', async () => {
    const printed = await run('python3', [BILLING, STAGE, 'tx-boto'], environmentOf(lab.cloud));
    expect(JSON.parse(printed)).toEqual({
      accepted: ['0', '1'],
      state: 'completed',
      attempts: 1,
      deadLetters: [{ id: 'tx-boto-1', tenant: 'acme' }],
      alarms: expect.arrayContaining([expect.stringContaining('process-payment')]),
    });
    await lab.advance(60);
    expect((await lab.deadLetters(JOBS.processPayment))[0]?.reason).toMatchObject({
      code: 'INVALID_PAYLOAD',
      message: expect.stringContaining('amountMinor'),
    });
  });
});
