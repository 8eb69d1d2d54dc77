import { deadLetter, PermanentError, RetryAfter, RetryNoSooner } from '../../shared/consumer/index.ts';
import type { Handler, Stage } from './stage.ts';

/** A line of the design's table: what a handler does, and what follows. */
export interface OutcomeCase {
  readonly what: string;
  /** Whether the contract's first delay is a day. @default 10 s */
  readonly patient?: true;
  /** Brings it about, up to the delivery in which it happens. */
  readonly act: (stage: Stage) => Promise<void>;
  readonly follows: string;
  /** File under test/, and the title of the test that holds it. */
  readonly test: readonly [file: string, title: string];
}

const returns: Handler = async () => {};
const throws: Handler = async () => {
  throw new Error('as the test wanted');
};
const never: Handler = async () => {
  throw new Error('must not run');
};
const uncertain: Handler = async (_, { step }) => {
  await step('charge', throwing, { ifUncertain: deadLetter() });
};
const heeds: Handler = (_, { signal }) =>
  new Promise((_done, fail) => {
    signal.addEventListener('abort', () => fail(signal.reason));
  });
async function throwing(): Promise<never> {
  throw new Error('no answer');
}
const MINUTE_MS = 60_000;

export const OUTCOMES: readonly OutcomeCase[] = [
  {
    what: 'returns',
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(returns);
    },
    follows: 'Completed; the result is kept with the key, for 36 days.',
    test: ['shared/consumer/outcomes.test.ts', 'completes the job, keeps its result, and leaves no message'],
  },
  {
    what: 'finds its key completed',
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(returns);
      await stage.publish();
      stage.curtain();
      await stage.deliver(never);
    },
    follows: 'Nothing runs; the kept result stands.',
    test: [
      'shared/consumer/outcomes.test.ts',
      'runs once for two messages in one batch, and once more never for a later one',
    ],
  },
  {
    what: 'throws',
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(throws);
    },
    follows: 'Tried again after the schedule’s delay, times a random factor from 0.5 to 1.',
    test: [
      'shared/consumer/outcomes.test.ts',
      'is tried again after the delay of its schedule, and completes',
    ],
  },
  {
    what: 'throws, and the delay is over 11 hours',
    patient: true,
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(throws);
    },
    follows: 'Tried again after that delay, by a message that EventBridge Scheduler sends.',
    test: [
      'shared/consumer/long-delays.test.ts',
      'waits in EventBridge Scheduler, is backing off all the while, and runs again at its time',
    ],
  },
  {
    what: 'throws `RetryNoSooner(seconds)`',
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(async () => {
        throw new RetryNoSooner(300, 'overloaded', { code: 'HTTP_503' });
      });
    },
    follows:
      'Tried again no sooner than that, or after the schedule’s delay where that is longer; beyond 15 minutes by EventBridge Scheduler.',
    test: [
      'shared/consumer/retry-no-sooner.test.ts',
      'is spent, and the next one begins no sooner than that, by a message of its own',
    ],
  },
  {
    what: 'throws on its last attempt',
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(throws);
      await stage.deliver(throws);
      stage.curtain();
      await stage.deliver(throws);
    },
    follows: 'Dead-lettered with the history of its attempts, by the receives that are left.',
    test: [
      'shared/consumer/outcomes.test.ts',
      'is dead-lettered after its last attempt, with its history, and runs no more',
    ],
  },
  {
    what: 'throws `PermanentError`',
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(async () => {
        throw new PermanentError('There is no such account.', { code: 'UNKNOWN_ACCOUNT' });
      });
    },
    follows: 'Dead-lettered with that reason; no further attempt.',
    test: ['shared/consumer/outcomes.test.ts', 'is dead-lettered at once for a permanent error'],
  },
  {
    what: 'is not reached: no JSON, an unknown type, a payload that fails its schema',
    act: async (stage) => {
      stage.send('a=b');
      await stage.deliver(never);
    },
    follows: 'Dead-lettered with the place of the fault; its neighbours run.',
    test: [
      'shared/consumer/outcomes.test.ts',
      'is dead-lettered at once when it is %s, and its neighbour is not',
    ],
  },
  {
    what: 'is not reached: its key was used with another payload',
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(returns);
      stage.curtain();
      await stage.publish('another');
      await stage.deliver(never);
    },
    follows: 'That message is dead-lettered; the job that has the key stands.',
    test: [
      'shared/consumer/outcomes.test.ts',
      'is dead-lettered when its key was used with another payload; the first job stands',
    ],
  },
  {
    what: 'throws `RetryAfter(seconds)`',
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(async () => {
        throw new RetryAfter(300, 'rate limited');
      });
    },
    follows: 'Runs again after that time, with no attempt spent; beyond 15 minutes by EventBridge Scheduler.',
    test: ['shared/consumer/deferral.test.ts', 'runs again after that time, and has spent no attempt'],
  },
  {
    what: 'is not reached: a later message carries the job',
    act: async (stage) => {
      const id = crypto.randomUUID();
      stage.sendLate({ id }, 5);
      stage.send({ id, hop: 1 });
      await stage.deliver(async () => {
        throw new RetryAfter(300, 'rate limited');
      });
      stage.curtain();
      await stage.deliver(never);
    },
    follows: 'The later message goes on.',
    test: ['shared/consumer/deferral.test.ts', 'whose former message was not deleted runs once'],
  },
  {
    what: 'is not reached: another run has the key’s claim',
    act: async (stage) => {
      await stage.publish();
      await stage.die();
      await stage.publish();
      stage.curtain();
      await stage.deliver(never);
    },
    follows: 'Waits until that claim is over, with no attempt spent.',
    test: ['shared/consumer/outcomes.test.ts', 'lets its second message wait, and spends no attempt on it'],
  },
  {
    what: 'is not reached: the key waits for its next attempt',
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(throws);
      await stage.publish();
      stage.curtain();
      await stage.deliver(never);
    },
    follows: 'Waits with it, with no attempt spent.',
    test: ['shared/consumer/outcomes.test.ts', 'lets its second message wait while the first backs off'],
  },
  {
    what: 'runs past `timeoutSeconds`',
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(heeds);
    },
    follows:
      'Aborted through `signal` and left behind; a failed attempt, tried again. Its neighbours have their own ends.',
    test: ['shared/consumer/outcomes.test.ts', 'is abandoned and tried again (%s)'],
  },
  {
    what: 'is cut off: its process dies',
    act: async (stage) => {
      await stage.publish();
      await stage.die();
      await stage.lab.advance(50);
      stage.curtain();
      await stage.deliver(never);
    },
    follows: 'A failed attempt, found and named at the next receive; tried again, and alone from then on.',
    test: [
      'shared/consumer/outcomes.test.ts',
      'has spent an attempt, which the next receive finds and names',
    ],
  },
  {
    what: 'would start after `expirytime`',
    act: async (stage) => {
      stage.send({ expirytime: new Date(stage.lab.cloud.clock.now() - MINUTE_MS).toISOString() });
      await stage.deliver(never);
    },
    follows: 'Never runs; no dead letter.',
    test: ['shared/consumer/ends.test.ts', 'never runs, is counted, and is no dead letter'],
  },
  {
    what: 'would start after `expirytime`, and a step is uncertain',
    act: async (stage) => {
      stage.send({ expirytime: new Date(stage.lab.cloud.clock.now() + 2000).toISOString() });
      await stage.deliver(uncertain);
      stage.curtain();
      await stage.deliver(never);
    },
    follows: 'Dead-lettered: its effect may have happened, and a person decides.',
    test: ['shared/consumer/ends.test.ts', 'is a dead letter when a step of it is uncertain'],
  },
  {
    what: 'is not reached: the job was cancelled',
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(throws);
      await stage.cancel();
      stage.curtain();
      await stage.deliver(never);
    },
    follows: 'Never runs again.',
    test: ['shared/consumer/ends.test.ts', 'that waits for its next attempt never runs'],
  },
  {
    what: 'is not reached: the job was cancelled, and a step is uncertain',
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(uncertain);
      await stage.cancel();
      stage.curtain();
      await stage.deliver(never);
    },
    follows: 'Dead-lettered: its effect may have happened, and a person decides.',
    test: ['shared/consumer/ends.test.ts', 'with an uncertain step is a dead letter'],
  },
  {
    what: 'left a step uncertain whose author chose `deadLetter()`',
    act: async (stage) => {
      await stage.publish();
      await stage.deliver(uncertain);
      stage.curtain();
      await stage.deliver(uncertain);
    },
    follows: 'Dead-lettered, and not repeated: a person decides.',
    test: [
      'shared/consumer/steps.test.ts',
      'dead-letters the job where a person must decide, and is not repeated',
    ],
  },
];
