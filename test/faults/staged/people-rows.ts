import { StartMessageMoveTaskCommand } from '@aws-sdk/client-sqs';
import { expect } from 'vitest';
import type { DeliveryFault, ObservedDelivery } from '../../../local/faults/index.ts';
import { findResumption, resume } from '../../../shared/client/resume.ts';
import { s3Client } from '../../../shared/consumer/index.ts';
import { deadLetterQueueName, stageFunctionName } from '../../../shared/jobs/names.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { staged } from '../../lab/probe/staged/contract.ts';
import { all, liftOf, strikes } from '../lift.ts';
import { once } from '../rows/row.ts';
import type { Call } from './calls.ts';
import { cancel, dead, nothing, redrive, redriveNow, redrivenUnder, type StagedRow, under } from './row.ts';
import type { Acts, StagedTrial } from './staged-trial.ts';

/** Its message is sent again, and its letter stays where it is. */
async function resumed(trial: StagedTrial): Promise<void> {
  const { lab, sfn, key } = trial;
  await lab.advance(200);
  const record = await lab.record(staged, key);
  if (!record) throw new Error(`${key} has no record.`);
  const resumption = await findResumption(record, lab.cloud.clock.now(), { sfn, lookup: lab.lookup });
  await resume(resumption, { lookup: lab.lookup, sqs: lab.sqs, s3: s3Client });
}

/** It is redriven while its stage is held back: no time may pass for that one. */
async function redriveUnderWay(trial: StagedTrial): Promise<void> {
  const { sqs, cloud } = trial.lab;
  const claims = trial.seen('claim').length;
  const SourceArn = cloud.sqs.arnOf(deadLetterQueueName(STAGE, staged.type));
  await sqs.send(new StartMessageMoveTaskCommand({ SourceArn }));
  await trial.lab.until(async () => {
    await cloud.clock.advance(100);
    return trial.seen('claim').length > claims;
  });
}

/** It is cancelled just before a call of its has its effect. @param wait before and after that */
function cancelledAt(
  what: string,
  call: Call,
  { struck, before, after }: { struck?: Acts[string]; before?: Wait; after?: Wait } = {},
): StagedRow {
  const cancelling = async (trial: StagedTrial) => {
    await before?.(trial);
    await cancel(trial);
    await after?.(trial);
  };
  return {
    what: `it is cancelled ${what}`,
    begin: under((trial) => trial.befall(call, 'before', () => ({ heldUntil: cancelling(trial) })), struck),
  };
}

async function cancelledLate(trial: StagedTrial): Promise<undefined> {
  await cancel(trial);
  return undefined;
}

type Wait = (trial: StagedTrial) => Promise<void>;

/** The stage beside the struck one has run. */
function neighbourRan(trial: StagedTrial): Promise<void> {
  return trial.lab.until(async () => (await trial.runs()).get('count') === 1);
}

/** What became of it is in its record. */
function recorded({ lab, key }: StagedTrial): Promise<void> {
  return lab.until(async () => (await lab.record(staged, key))?.state !== 'started');
}

/** A stage that runs has looked whether it was cancelled, and has had the time to read the answer. */
async function looked(trial: StagedTrial): Promise<void> {
  const before = trial.seen('look whether it was cancelled').length;
  await trial.lab.until(async () => trial.seen('look whether it was cancelled').length > before);
  await new Promise((done) => setTimeout(done, 500));
}

/** What people do to staged jobs. */
export const STAGED_PEOPLE: readonly StagedRow[] = [
  { what: 'it fails for good and is redriven', begin: dead(), later: redrivenUnder(() => nothing) },
  {
    what: 'it fails for good, is redriven, fails again, and is redriven once more',
    begin: dead(2),
    later: async (trial) => {
      await redrive(trial);
      await trial.lab.drain();
      await redrive(trial);
      return undefined;
    },
  },
  {
    what: 'it is redriven, and SQS delivers that twice at the same time',
    begin: dead(),
    later: redrivenUnder((trial) => {
      const before = trial.received;
      return all(
        strikes<ObservedDelivery, DeliveryFault>(
          (rule) => trial.lab.cloud.faults.deliver(rule),
          once((delivery) => delivery.queueArn === trial.queueArn, 'twice-at-once'),
        ),
        liftOf(
          () => {},
          () => trial.received - before - 1,
        ),
      );
    }),
  },
  {
    what: 'it is resumed and redriven at the same time',
    begin: dead(),
    later: async (trial) => {
      await resumed(trial);
      await redriveNow(trial);
      return undefined;
    },
  },
  {
    what: 'it is resumed, and redriven while it runs',
    begin: dead(),
    later: async (trial) => {
      const goOn = trial.hold('count the run');
      await resumed(trial);
      await trial.lab.until(async () => trial.held);
      await redriveUnderWay(trial);
      goOn();
      return undefined;
    },
  },
  {
    what: 'it is resumed, and redriven when it was done',
    begin: dead(),
    later: async (trial) => {
      await resumed(trial);
      await trial.lab.drain();
      await redriveNow(trial);
      return undefined;
    },
  },
  cancelledAt('before its claim', 'claim'),
  cancelledAt('before StartExecution', 'start'),
  {
    what: 'it is cancelled before the start is recorded',
    begin: under((trial) => {
      // Its first stage does not run before.
      const lift = trial.lab.cloud.faults.throttle(stageFunctionName(STAGE, staged.type, 'collect'));
      const cancelling = () => cancel(trial).finally(lift);
      return trial.befall('record the start', 'before', () => ({ heldUntil: cancelling() }));
    }),
  },
  cancelledAt('before a stage is claimed', 'claim the stage', { before: neighbourRan }),
  {
    ...cancelledAt('while a stage runs, before its step', 'count the run', {
      before: neighbourRan,
      after: looked,
    }),
    holds: (trial) => expect(trial.seen('have the effect')).toHaveLength(0),
  },
  cancelledAt('while a stage has its effect', 'have the effect', { before: neighbourRan, after: recorded }),
  cancelledAt('before the result of a stage is kept', 'finish the stage', {
    before: neighbourRan,
    after: recorded,
  }),
  cancelledAt('when its execution has succeeded, before that is recorded', 'record the end'),
  cancelledAt('when its execution has failed, before that is recorded', 'record the end', {
    struck: ['permanent'],
    before: neighbourRan,
  }),
  { what: 'it is cancelled when it is dead', begin: dead(), later: cancelledLate },
];
