import { AwsError } from '../kernel/errors.ts';
import { chance } from './chance.ts';
import type { Fault, ObservedCall } from './fault.ts';
import type { Faults } from './faults.ts';
import type { Underway } from './plan.ts';

/** How often each kind of fault befalls, 0 to 1; what is left out never does. */
export interface StormRates {
  /** Of the calls of functions. */
  readonly killedBefore?: number;
  readonly killedAfter?: number;
  /** Refused with an error that the service has for a bad day: a throttle, or unavailable. */
  readonly refused?: number;
  /** Done, and answered with a 500. */
  readonly answerLost?: number;
  /** Done, and the connection breaks in the middle of the answer. */
  readonly connectionLost?: number;
  /** Done, and answered with half a body. */
  readonly halfAnswer?: number;
  /** Never answered, and not done. Costs as many real seconds as the caller waits. */
  readonly hang?: number;
  /** 1 to 3 s of the cloud's time later. */
  readonly slow?: number;
  /** Of the batch calls: some entries are refused. */
  readonly partlyRefused?: number;
  /** Of the deliveries to mappings. */
  readonly deliveredTwice?: number;
  readonly deliveredTwiceAtOnce?: number;
  readonly visibleEarly?: number;
  /** Of the messages that are sent: held back for 1 to 300 s. */
  readonly late?: number;
  /** Of the acknowledgements of mappings. */
  readonly acknowledgementRefused?: number;
  readonly acknowledgementLost?: number;
  /** Of the answers of functions: spoilt so that all that they were given counts as failed. */
  readonly answerMalformed?: number;
  /** Of the starts of environments. */
  readonly failsToStart?: number;
  /** Up to a minute ahead of the cloud's clock or behind it. */
  readonly skewed?: number;
}

export interface StormOptions {
  /** The same seed draws the same faults for the same calls. */
  readonly seed: number;
  readonly rates: StormRates;
  /** Puts the messages of each receive into another order. @default false */
  readonly shuffled?: boolean;
}

export interface Storm extends Underway {
  /** Kind → how often it has befallen so far. */
  readonly happened: ReadonlyMap<keyof StormRates, number>;
}

type Kind = keyof StormRates;

const BEFORE = ['killedBefore', 'refused', 'hang', 'slow', 'partlyRefused'] as const satisfies Kind[];
const AFTER = ['killedAfter', 'answerLost', 'connectionLost', 'halfAnswer'] as const satisfies Kind[];
const LONGEST_SLOW_SECONDS = 3;
const LONGEST_LATE_SECONDS = 300;
const LONGEST_SKEW_SECONDS = 60;

/**
 * Draws faults from a seed. Whether the nth call of a function's operation is struck depends on the seed and on that name and number
 * alone, so that threads that overtake each other change nothing.
 */
export function breakOut(faults: Faults, { seed, rates, shuffled = false }: StormOptions): Storm {
  const happened = new Map<Kind, number>();
  const counts = new Map<string, number>();
  /** Counts from the storm's beginning. */
  const numbered = (what: string): string => {
    const nth = (counts.get(what) ?? 0) + 1;
    counts.set(what, nth);
    return `${what} ${nth}`;
  };
  /** One draw for all kinds that could befall this occasion. */
  const draw = <Some extends Kind>(occasion: string, kinds: readonly Some[]): Some | undefined => {
    let left = chance(seed, occasion);
    for (const kind of kinds) {
      left -= rates[kind] ?? 0;
      if (left >= 0) continue;
      happened.set(kind, (happened.get(kind) ?? 0) + 1);
      return kind;
    }
    return undefined;
  };
  const within = (occasion: string, most: number) => 1 + Math.floor(chance(seed, `${occasion} size`) * most);

  /** By caller and number, so that both moments of a call share a name. */
  const names = new Map<string, string>();
  const nameOf = (call: ObservedCall): string => {
    const identity = `${call.accessKeyId} ${call.service} ${call.operation} ${call.nth}`;
    const name = names.get(identity) ?? numbered(`${call.functionName} ${call.service} ${call.operation}`);
    if (call.moment === 'before') names.set(identity, name);
    else names.delete(identity);
    return name;
  };
  const calls = (call: ObservedCall): Fault | undefined => {
    const occasion = `${nameOf(call)} ${call.moment}`;
    const kinds = call.moment === 'after' ? AFTER : BEFORE;
    const kind = draw(
      occasion,
      call.operation.endsWith('Batch') ? kinds : kinds.filter((one) => one !== 'partlyRefused'),
    );
    return kind && callFault(kind, call, () => within(occasion, LONGEST_SLOW_SECONDS));
  };

  const lifts = [
    faults.add(calls),
    faults.deliver(({ queueArn }) => {
      const kind = draw(numbered(`delivery ${queueArn}`), [
        'deliveredTwice',
        'deliveredTwiceAtOnce',
        'visibleEarly',
      ]);
      return kind && DELIVERIES[kind];
    }),
    faults.delay(({ queueArn }) => {
      const occasion = numbered(`arrival ${queueArn}`);
      return draw(occasion, ['late']) && within(occasion, LONGEST_LATE_SECONDS);
    }),
    faults.acknowledge(({ queueArn }) => {
      const kind = draw(numbered(`acknowledgement ${queueArn}`), [
        'acknowledgementRefused',
        'acknowledgementLost',
      ]);
      return kind && (kind === 'acknowledgementLost' ? 'lost' : 'refused');
    }),
    faults.answer(({ functionName }) =>
      draw(numbered(`answer ${functionName}`), ['answerMalformed']) ? 'malformed' : undefined,
    ),
    faults.start(({ functionName }) => {
      const occasion = numbered(`start ${functionName}`);
      const kind = draw(occasion, ['failsToStart', 'skewed']);
      if (kind === 'failsToStart') return 'fails-to-start';
      return (
        kind && { skewSeconds: within(occasion, 2 * LONGEST_SKEW_SECONDS + 1) - 1 - LONGEST_SKEW_SECONDS }
      );
    }),
    ...(shuffled ? [faults.shuffle(() => chance(seed, numbered('shuffle')))] : []),
  ];
  return {
    happened,
    lift: () => {
      for (const lift of lifts) lift();
    },
  };
}

const DELIVERIES = {
  deliveredTwice: 'twice',
  deliveredTwiceAtOnce: 'twice-at-once',
  visibleEarly: 'visible-early',
} as const;

function callFault(
  kind: (typeof BEFORE)[number] | (typeof AFTER)[number],
  { service }: ObservedCall,
  seconds: () => number,
): Fault {
  switch (kind) {
    case 'killedBefore':
    case 'killedAfter':
      return 'kill';
    case 'refused':
      return service === 'dynamodb'
        ? new AwsError('ThrottlingException', 'Throughput exceeds the current throughput limit.')
        : new AwsError('ServiceUnavailable', 'The service is unavailable.', 503);
    case 'answerLost':
      return new AwsError('InternalServerError', 'The answer was lost.', 500);
    case 'connectionLost':
      return 'reset';
    case 'halfAnswer':
      return 'half-answer';
    case 'hang':
      return 'hang';
    case 'slow':
      return { slowSeconds: seconds() };
    case 'partlyRefused':
      // Every second entry: some are refused and some are done wherever there are two.
      return { refuse: [0, 2, 4, 6, 8] };
  }
}
