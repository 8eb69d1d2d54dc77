import type {
  AcknowledgementFault,
  AnswerFault,
  DeliveryFault,
  Fault,
  ObservedAcknowledgement,
  ObservedAnswer,
  ObservedArrival,
  ObservedCall,
  ObservedDelivery,
} from '../../../local/faults/index.ts';
import { SPEC_VERSION } from '../../../shared/jobs/message.ts';
import { all, type Lift, liftOf, onceLifted, strikes } from '../lift.ts';
import type { Trial } from '../trial.ts';
import {
  comesAgain,
  HOUR,
  ofFunction,
  ofQueue,
  once,
  publish,
  publishAgain,
  type Row,
  under,
} from './row.ts';

/** Delivers the job's message once more, at its first delivery. */
function again(fault: DeliveryFault): Row['begin'] {
  return under((trial) =>
    all(
      strikes<ObservedDelivery, DeliveryFault>(
        (rule) => trial.world.lab.cloud.faults.deliver(rule),
        once(
          ({ queueArn, message }) => queueArn === trial.queueArn && message.body.includes(`"${trial.key}"`),
          fault,
        ),
      ),
      comesAgain(trial),
    ),
  );
}

/** Its first message reaches its queue five minutes late. */
function late(trial: Trial): Lift {
  return strikes<ObservedArrival, number>(
    (rule) => trial.world.lab.cloud.faults.delay(rule),
    once(ofQueue(trial), 300),
  );
}

/** A fault of the call by which its publisher sends the job. */
function publication({ world, key }: Trial, at: ObservedCall['moment'], fault: Fault): Lift {
  return strikes<ObservedCall, Fault>(
    (rule) => world.lab.cloud.faults.addOutside(rule),
    once(
      ({ operation, moment, input }) =>
        operation === 'SendMessageBatch' && moment === at && JSON.stringify(input()).includes(key),
      fault,
    ),
  );
}

/** After such an answer all messages of its batch are delivered again. */
function answered(fault: AnswerFault): Row['begin'] {
  return under((trial) =>
    all(
      strikes<ObservedAnswer, AnswerFault>(
        (rule) => trial.world.lab.cloud.faults.answer(rule),
        once(ofFunction(trial), fault),
      ),
      comesAgain(trial),
    ),
  );
}

function acknowledged(fault: AcknowledgementFault): (trial: Trial) => Lift {
  return (trial) =>
    strikes<ObservedAcknowledgement, AcknowledgementFault>(
      (rule) => trial.world.lab.cloud.faults.acknowledge(rule),
      once(ofQueue(trial), fault),
    );
}

/** A message as somebody else might send it; it strikes when it is delivered. */
async function send({ world, job }: Trial, body: unknown): Promise<Lift> {
  const messageId = await world.lab.send(job, typeof body === 'string' ? body : JSON.stringify(body));
  return liftOf(
    () => {},
    () => world.received(({ message }) => message.messageId === messageId),
  );
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
      return comesAgain(trial);
    },
  },
  {
    what: 'SQS delivers it five minutes late, after another message of its key',
    begin: async (trial) => {
      const lift = late(trial);
      await publish(trial);
      await publish(trial);
      return all(lift, comesAgain(trial));
    },
  },
  {
    what: 'the answer to its publisher is lost, which sends it again',
    begin: under((trial) => all(publication(trial, 'after', 'reset'), comesAgain(trial))),
  },
  {
    what: 'SQS refuses it within a batch, and its publisher sends it again',
    begin: under((trial) => publication(trial, 'before', { refuse: 'all' })),
  },
  { what: 'its function’s answer is malformed', begin: answered('malformed') },
  {
    what: 'its function’s answer names a message that is not in the batch',
    begin: answered('unknown-id'),
  },
  { what: 'its function’s answer says that all failed', begin: answered('all-failed') },
  {
    what: 'its deletion is refused',
    begin: under((trial) => all(acknowledged('refused')(trial), comesAgain(trial))),
  },
  { what: 'the answer to its deletion is lost', begin: under(acknowledged('lost')) },
  {
    what: 'its mapping is disabled for an hour',
    begin: async (trial) => {
      const { faults, sqs, clock } = trial.world.lab.cloud;
      const lift = faults.pause(trial.queueArn);
      // A mapping takes its time to stop.
      clock.after(10_000, () => void publish(trial));
      return onceLifted(lift, () => sqs.counts(trial.queueArn).visible);
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
      const [lift] = await Promise.all([send(trial, '}'), publish(trial)]);
      return lift;
    },
  },
  {
    what: 'its key comes with another payload, after it was done',
    begin: under(comesAgain),
    later: {
      act: async (_, trials) => {
        for (const trial of trials) await send(trial, { ...envelope(trial), data: otherPayload(trial) });
        return undefined;
      },
    },
  },
  {
    what: 'it expires before it is delivered',
    begin: async (trial) => {
      const lift = late(trial);
      await publish(trial, { expiryTime: new Date(trial.world.lab.cloud.clock.now() + 60_000) });
      return lift;
    },
  },
  {
    what: 'it is published again once it was done',
    begin: under(comesAgain),
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
