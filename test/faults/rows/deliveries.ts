import type { DeliveryFault, ObservedCall } from '../../../local/faults/index.ts';
import { SPEC_VERSION } from '../../../shared/jobs/message.ts';
import type { Trial } from '../trials.ts';
import { HOUR, ofFunction, ofQueue, once, publish, publishAgain, type Row, under } from './row.ts';

/** Delivers the job's message once more, at its first delivery. */
function again(fault: DeliveryFault): Row['begin'] {
  return under((trial) =>
    trial.world.lab.cloud.faults.deliver(
      once(
        ({ queueArn, message }) => queueArn === trial.queueArn && message.body.includes(`"${trial.key}"`),
        fault,
      ),
    ),
  );
}

/** The call by which its publisher sends the job. */
function publication({ key }: Trial, at: ObservedCall['moment']): (call: ObservedCall) => boolean {
  return ({ operation, moment, input }) =>
    operation === 'SendMessageBatch' && moment === at && JSON.stringify(input()).includes(key);
}

/** A message as somebody else might send it. */
async function send({ world, job }: Trial, body: unknown): Promise<undefined> {
  await world.lab.send(job, typeof body === 'string' ? body : JSON.stringify(body));
  return undefined;
}

const envelope = ({ job, key, payload }: Trial) => ({
  specversion: SPEC_VERSION,
  id: key,
  source: '/other',
  type: job.type,
  data: payload,
});

/** What publishers, SQS and the mapping do to messages. */
export const DELIVERIES: readonly Row[] = [
  { what: 'SQS delivers it once more after it was done', begin: again('twice') },
  { what: 'SQS delivers it twice at the same time', begin: again('twice-at-once') },
  { what: 'its visibility timeout ends while it runs', begin: again('visible-early') },
  {
    what: 'it is published twice, under two ids',
    begin: async (trial) => {
      await publish(trial);
      await publish(trial);
      return undefined;
    },
  },
  {
    what: 'SQS delivers it five minutes late, after another message of its key',
    begin: async (trial) => {
      const lift = trial.world.lab.cloud.faults.delay(once(ofQueue(trial), 300));
      await publish(trial);
      await publish(trial);
      return lift;
    },
  },
  {
    what: 'the answer to its publisher is lost, which sends it again',
    begin: under((trial) =>
      trial.world.lab.cloud.faults.addOutside(once(publication(trial, 'after'), 'reset')),
    ),
  },
  {
    what: 'SQS refuses it within a batch, and its publisher sends it again',
    begin: under((trial) =>
      trial.world.lab.cloud.faults.addOutside(once(publication(trial, 'before'), { refuse: 'all' })),
    ),
  },
  {
    what: 'its function’s answer is malformed',
    begin: under((trial) => trial.world.lab.cloud.faults.answer(once(ofFunction(trial), 'malformed'))),
  },
  {
    what: 'its function’s answer names a message that is not in the batch',
    begin: under((trial) => trial.world.lab.cloud.faults.answer(once(ofFunction(trial), 'unknown-id'))),
  },
  {
    what: 'its function’s answer says that all failed',
    begin: under((trial) => trial.world.lab.cloud.faults.answer(once(ofFunction(trial), 'all-failed'))),
  },
  {
    what: 'its deletion is refused',
    begin: under((trial) => trial.world.lab.cloud.faults.acknowledge(once(ofQueue(trial), 'refused'))),
  },
  {
    what: 'the answer to its deletion is lost',
    begin: under((trial) => trial.world.lab.cloud.faults.acknowledge(once(ofQueue(trial), 'lost'))),
  },
  {
    what: 'its mapping is disabled for an hour',
    begin: async (trial) => {
      const lift = trial.world.lab.cloud.faults.pause(trial.queueArn);
      // A mapping takes its time to stop.
      trial.world.lab.cloud.clock.after(10_000, () => void publish(trial));
      return lift;
    },
    lastsSeconds: HOUR,
  },
  {
    what: 'it is not JSON',
    begin: (trial) => send(trial, JSON.stringify(envelope(trial)).slice(0, -1)),
  },
  {
    what: 'it is of a version of CloudEvents that nobody knows',
    begin: (trial) => send(trial, { ...envelope(trial), specversion: '2.0' }),
  },
  {
    what: 'its payload fails its schema',
    begin: (trial) => send(trial, { ...envelope(trial), data: { hello: trial.key } }),
  },
  {
    what: 'a message that is not JSON comes with it',
    begin: async (trial) => {
      await Promise.all([send(trial, '}'), publish(trial)]);
      return undefined;
    },
  },
  {
    what: 'its key comes with another payload, after it was done',
    begin: under(() => () => {}),
    later: {
      act: async (_, trials) => {
        for (const trial of trials) await send(trial, { ...envelope(trial), data: otherPayload(trial) });
      },
    },
  },
  {
    what: 'it expires before it is delivered',
    begin: async (trial) => {
      const { clock, faults } = trial.world.lab.cloud;
      const lift = faults.delay(once(ofQueue(trial), 300));
      await publish(trial, { expiryTime: new Date(clock.now() + 60_000) });
      return lift;
    },
  },
  {
    what: 'it is published again once it was done',
    begin: under(() => () => {}),
    later: { act: publishAgain },
  },
];

/** The same key, and something else about it. */
function otherPayload({ payload }: Trial): object {
  const one = payload as Record<string, unknown>;
  if (typeof one.amountMinor === 'number') return { ...one, amountMinor: one.amountMinor + 1 };
  if (typeof one.to === 'string') return { ...one, to: 'lee@example.com' };
  if (typeof one.event === 'object') return { ...one, event: { ...one.event, data: { hello: 'world' } } };
  return { ...one, currency: 'CHF' };
}
