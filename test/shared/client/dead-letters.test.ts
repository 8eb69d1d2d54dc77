import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { cancelJob } from '../../../shared/client/cancel.ts';
import { explain, peekDeadLetters } from '../../../shared/client/dead-letters.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { probe } from '../../lab/probe/contract.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

/** The reason for a letter with this body, as SQS moved it without a decision of ours. */
async function reasonOf(body: string) {
  return (await explain(probe, { MessageId: 'm', Body: body }, lab.lookup)).reason;
}

describe('the reason for a dead letter that nobody decided', () => {
  const body = (key: string): string => lab.message(probe, { key, acts: ['return'] });

  it('is that its handler never ran, where it has no record', async () => {
    expect(await reasonOf(body('never'))).toMatchObject({ code: 'NEVER_RAN' });
  });

  it('says that redriving it is harmless, where its job has completed', async () => {
    await lab.send(probe, body('done'));
    await lab.drain();
    expect(await reasonOf(body('done'))).toMatchObject({
      code: 'RECEIVES_EXHAUSTED',
      message: expect.stringContaining('has completed'),
    });
  });

  it('says that redriving it runs nothing, where its job was cancelled before it ran', async () => {
    await cancelJob(probe, 'cancelled', { dynamo: lab.dynamo, stage: STAGE, now: Date.now });
    expect(await reasonOf(body('cancelled'))).toMatchObject({
      code: 'RECEIVES_EXHAUSTED',
      message: expect.stringContaining('has been cancelled'),
    });
  });

  it('says that redriving it runs nothing, where its job expired', async () => {
    const expirytime = new Date(lab.cloud.clock.now() - 1).toISOString();
    await lab.send(probe, lab.message(probe, { key: 'old', acts: ['return'] }, { expirytime }));
    await lab.drain();
    expect(await reasonOf(body('old'))).toMatchObject({
      code: 'RECEIVES_EXHAUSTED',
      message: expect.stringContaining('has expired'),
    });
  });
});

describe('looking at dead letters', () => {
  it('gives all of them back, and stops at the most that it was asked for', async () => {
    for (let index = 0; index < 12; index++) await lab.send(probe, `no JSON ${index}`);
    await lab.drain();
    const look = (most?: number) =>
      peekDeadLetters(probe, {
        sqs: lab.sqs,
        stage: STAGE,
        lookup: lab.lookup,
        hideSeconds: 600,
        ...(most === undefined ? {} : { most }),
      });
    expect(await look(11)).toHaveLength(11);
    expect(await look()).toHaveLength(12);
    expect(await look()).toHaveLength(12);
  });
});
