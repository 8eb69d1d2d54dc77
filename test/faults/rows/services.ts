import { expect } from 'vitest';
import { faults as errors } from '../../../local/dynamodb/index.ts';
import type { Fault, ObservedCall } from '../../../local/faults/index.ts';
import { AwsError } from '../../../local/kernel/errors.ts';
import { RECORD_RETENTION_SECONDS } from '../../../shared/jobs/define-job.ts';
import { liftOf, strikes } from '../lift.ts';
import { SDK_TRIES, type Trial } from '../trial.ts';
import type { World } from '../world.ts';
import {
  comesAgain,
  DAY,
  HOUR,
  MINUTE,
  ofFunction,
  outage,
  publish,
  publishAgain,
  type Row,
  redrive,
  under,
} from './row.ts';

const LOST = new AwsError('InternalServerError', 'The answer was lost.', 500);
const DENIED = new AwsError('AccessDeniedException', 'User is not authorized to perform this action.');
const NO_TRANSACTION = { immune: 'makes no transaction' };

/** What happens to DynamoDB's answers, and to those of the other side of the effect. */
export const SERVICES: readonly Row[] = [
  {
    what: 'DynamoDB throttles its claim',
    begin: under((one) => one.befall('claim', 'before', errors.throttled(), SDK_TRIES)),
  },
  {
    what: 'DynamoDB writes its claim, and the answers are lost',
    begin: under((one) => one.befall('claim', 'after', LOST, SDK_TRIES)),
  },
  {
    what: 'DynamoDB answers its claim with half a body',
    begin: under((one) => one.befall('claim', 'after', 'half-answer')),
  },
  {
    what: 'DynamoDB’s answer to its claim breaks off',
    begin: under((one) => one.befall('claim', 'after', 'reset')),
  },
  {
    what: 'DynamoDB throttles its completion',
    begin: under((one) => one.befall('complete', 'before', errors.throttled(), SDK_TRIES)),
  },
  {
    what: 'DynamoDB writes its completion, and the answers are lost',
    begin: under((one) => one.befall('complete', 'after', LOST, SDK_TRIES)),
  },
  {
    what: 'DynamoDB fails for ten minutes',
    begin: under(outage('dynamodb', errors.internalServerError())),
    lastsSeconds: 10 * MINUTE,
  },
  {
    what: 'its role is denied DynamoDB for three hours',
    begin: under(outage('dynamodb', DENIED)),
    lastsSeconds: 3 * HOUR,
  },
  {
    what: 'its transaction meets another one, twice',
    begin: under((trial) => {
      if (!trial.transacts) return NO_TRANSACTION;
      let left = 2;
      return strikes<ObservedCall, Fault>(
        (rule) => trial.world.lab.cloud.faults.add(rule),
        (call) =>
          ofFunction(trial)(call) &&
          call.operation === 'TransactWriteItems' &&
          call.moment === 'before' &&
          left-- > 0
            ? errors.transactionConflicted(2)
            : undefined,
      );
    }),
  },
  { what: 'the other side is slow', begin: under((trial) => trial.befallEffect('slow')) },
  {
    what: 'the other side refuses in its first attempt',
    begin: under((trial) => trial.befallEffect('refused', 'first-attempt')),
  },
  {
    what: 'the other side refuses for six minutes',
    begin: under((trial) => trial.befallEffect('refused', 'each')),
    // No job's delay ends about then, however the dice fall.
    lastsSeconds: 6 * MINUTE,
  },
  {
    what: 'the other side refuses for three hours',
    begin: under((trial) => trial.befallEffect('refused', 'each')),
    lastsSeconds: 3 * HOUR,
  },
  {
    what: 'the other side refuses in every attempt',
    begin: under((trial) => trial.befallEffect('refused', 'each')),
    later: {
      what: 'the other side did so until it was dead-lettered, and then it is redriven',
      act: redrive,
    },
  },
  {
    what: 'the other side refuses until after it has expired',
    begin: async (trial) => {
      const lift = trial.befallEffect('refused', 'each');
      await publish(trial, { expiryTime: new Date(trial.world.lab.cloud.clock.now() + 60_000) });
      return lift;
    },
    lastsSeconds: 5 * MINUTE,
  },
  {
    what: 'the other side does it, and its answer is lost in its first attempt',
    begin: under((trial) => trial.befallEffect('answer-lost', 'first-attempt')),
  },
  {
    what: 'the other side does it, and answers with half of it',
    begin: under((trial) => trial.befallEffect('half-answer')),
  },
];

/** Publishes again after so long, TTL being so late; below zero it is early. */
const after = (seconds: number, lagSeconds: number) => async (world: World, trials: readonly Trial[]) => {
  const { dynamodb } = world.lab.cloud;
  dynamodb.setTimeToLiveLag(lagSeconds);
  await world.lab.advance(seconds);
  // It is for the job to know what its record's time is.
  for (const { job, key } of trials)
    expect(await world.lab.record(job, key), `record of ${job.type}`).toBeDefined();
  await publishAgain(world, trials);
  return liftOf(
    () => dynamodb.setTimeToLiveLag(0),
    () => 1,
  );
};

const LATE = after(RECORD_RETENTION_SECONDS + HOUR, 2 * DAY);

/** Those that wait for real time-outs, or skip weeks: they have a world of their own. */
export const SLOW: readonly Row[] = [
  {
    what: 'DynamoDB does not answer its claim',
    begin: under((one) => one.befall('claim', 'before', 'hang')),
  },
  {
    what: 'the other side does not answer in its first attempt',
    begin: under((trial) => trial.befallEffect('hang', 'first-attempt')),
  },
  {
    what: 'it is published again on the last day that SQS could hold it, TTL an hour early',
    begin: under(comesAgain),
    later: { act: after(18 * DAY - HOUR, -HOUR) },
  },
  {
    what: 'its key is used again when its record’s time is over, TTL two days late',
    beyondWindow: true,
    begin: under(comesAgain),
    later: { act: LATE },
  },
];
