import { faults as errors } from '../../../local/dynamodb/index.ts';
import { AwsError } from '../../../local/kernel/errors.ts';
import { RECORD_RETENTION_SECONDS } from '../../../shared/jobs/define-job.ts';
import type { Trial } from '../trials.ts';
import type { World } from '../world.ts';
import {
  DAY,
  HOUR,
  type Lift,
  MINUTE,
  ofFunction,
  outage,
  publish,
  publishAgain,
  type Row,
  redrive,
  SDK_TRIES,
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
      return trial.world.lab.cloud.faults.add((call) =>
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
  { what: 'the other side refuses once', begin: under((trial) => trial.befallEffect('refused')) },
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
    what: 'the other side does it, and its answer is lost',
    begin: under((trial) => trial.befallEffect('answer-lost')),
  },
  {
    what: 'the other side does it, and answers with half of it',
    begin: under((trial) => trial.befallEffect('half-answer')),
  },
];

/** How late TTL deletes, below zero how early. */
const timeToLive =
  (lagSeconds: number) =>
  (trial: Trial): Lift => {
    const { dynamodb } = trial.world.lab.cloud;
    dynamodb.setTimeToLiveLag(lagSeconds);
    return () => dynamodb.setTimeToLiveLag(0);
  };

const after = (seconds: number) => async (world: World, trials: readonly Trial[]) => {
  await world.lab.advance(seconds);
  await publishAgain(world, trials);
};

/** Those that wait for real time-outs, or skip weeks: they have a world of their own. */
export const SLOW: readonly Row[] = [
  {
    what: 'DynamoDB does not answer its claim',
    begin: under((one) => one.befall('claim', 'before', 'hang')),
  },
  { what: 'the other side does not answer', begin: under((trial) => trial.befallEffect('hang')) },
  {
    what: 'it is published again on the last day that SQS could hold it, TTL an hour early',
    begin: under(timeToLive(-HOUR)),
    later: { act: after(18 * DAY - HOUR) },
  },
  {
    what: 'its key is used again when its record’s time is over, TTL two days late',
    beyondWindow: true,
    begin: under(timeToLive(2 * DAY)),
    later: { act: after(RECORD_RETENTION_SECONDS + HOUR) },
  },
];
