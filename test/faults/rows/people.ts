import { cancelJob } from '../../../shared/client/cancel.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { all } from '../lift.ts';
import type { Trial } from '../trial.ts';
import { type Row, under } from './row.ts';

function cancel({ world, job, key }: Trial): Promise<unknown> {
  const { dynamo, cloud } = world.lab;
  return cancelJob(job, key, { dynamo, stage: STAGE, now: () => cloud.clock.now() });
}

/** What people do to jobs. */
export const PEOPLE: readonly Row[] = [
  {
    what: 'it is cancelled before its first attempt',
    begin: under((trial) => trial.befall('claim', 'before', () => ({ heldUntil: cancel(trial) }))),
  },
  {
    what: 'the other side refuses, and it is cancelled before its second attempt',
    begin: under((trial) =>
      all(
        trial.befallEffect('refused', 'each'),
        trial.befall('claim', 'before', () => ({ heldUntil: cancel(trial) }), [2]),
      ),
    ),
  },
  {
    what: 'it is cancelled while it runs',
    begin: under((trial) => {
      const goOn = trial.holdEffect(() => {
        void cancel(trial).finally(goOn);
      });
      return goOn;
    }),
  },
];
