import type { EventBridge, EventEnvelope } from '../events/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Service } from '../kernel/service.ts';
import type { Lambda } from '../lambda/index.ts';
import { CallFaults } from './calls.ts';
import type {
  AcknowledgementFault,
  Deliveries,
  DeliveryFault,
  ObservedAcknowledgement,
  ObservedArrival,
  ObservedDelivery,
} from './deliveries.ts';
import type { CallPoint, FaultRule, ObservedCall } from './fault.ts';
import {
  type AnswerFault,
  FunctionFaultRules,
  type ObservedAnswer,
  type ObservedStart,
  type StartFault,
} from './functions.ts';
import { carryOut, type Plan, type PlannedFault } from './plan.ts';
import { breakOut, type Storm, type StormOptions } from './storm.ts';

interface FaultedRooms {
  readonly lambda: Lambda;
  /** The queues that `lambda` polls. */
  readonly deliveries: Deliveries;
  readonly events: Pick<EventBridge, 'faults'>;
}

/**
 * Everything that goes wrong in this cloud on purpose: by rule, by plan, or drawn from a seed. Functions know nothing of it: the cloud
 * sees who calls by the access key that each environment signs with.
 *
 * Every method that begins a fault returns what ends it. Where several rules have a say the first one counts.
 */
export class Faults {
  /** On which whatever lasts begins and ends. */
  readonly clock: Clock;
  readonly #lambda: Lambda;
  readonly #losses = new Set<(event: EventEnvelope) => boolean>();
  readonly #calls: CallFaults;
  readonly #deliveries: Deliveries;
  readonly #functions: FunctionFaultRules;

  constructor({ lambda, deliveries, events }: FaultedRooms) {
    this.clock = lambda.context.clock;
    this.#lambda = lambda;
    this.#calls = new CallFaults(lambda);
    this.#deliveries = deliveries;
    this.#functions = new FunctionFaultRules(lambda);
    events.faults = { lose: (event) => [...this.#losses].some((rule) => rule(event)) };
  }

  /** Lets the rule judge each call that a function makes to a service. */
  add(rule: FaultRule): () => void {
    return this.#calls.add('functions', rule);
  }

  /** Lets the rule judge each call from outside: of publishers, tools and tests. */
  addOutside(rule: FaultRule): () => void {
    return this.#calls.add('outside', rule);
  }

  /** Kills the environment of each call that the predicate holds for. */
  killWhen(predicate: (call: ObservedCall) => boolean): () => void {
    return this.add((call) => (predicate(call) ? 'kill' : undefined));
  }

  /** Kills a function once, at its nth call of an operation. */
  killAt({ functionName, service, operation, nth = 1, moment = 'before' }: CallPoint): () => void {
    return this.killWhen(
      (call) =>
        call.functionName === (functionName ?? call.functionName) &&
        call.service === service &&
        call.operation === operation &&
        call.nth === nth &&
        call.moment === moment,
    );
  }

  /** Kills every environment of a function that is running or idle now. */
  async kill(functionName: string): Promise<void> {
    await this.#lambda.killEnvironments(functionName);
  }

  /** Lets the rule judge each message that a mapping receives. */
  deliver(rule: (delivery: ObservedDelivery) => DeliveryFault | undefined): () => void {
    return this.#deliveries.deliver(rule);
  }

  /** Holds each message that a queue takes back for the seconds that the rule says, 0 to 43,200. */
  delay(rule: (arrival: ObservedArrival) => number | undefined): () => void {
    return this.#deliveries.delay(rule);
  }

  /** Puts the messages of each receive of a mapping into another order. @param random a number in [0, 1) */
  shuffle(random: () => number): () => void {
    return this.#deliveries.shuffle(random);
  }

  /** Lets the rule judge each deletion by which a mapping acknowledges what its function has done. */
  acknowledge(rule: (deletion: ObservedAcknowledgement) => AcknowledgementFault | undefined): () => void {
    return this.#deliveries.acknowledge(rule);
  }

  /** Spoils what functions answer their mappings. */
  answer(rule: (answer: ObservedAnswer) => AnswerFault | undefined): () => void {
    return this.#functions.answer(rule);
  }

  /** Lets the rule judge each environment that starts. */
  start(rule: (start: ObservedStart) => StartFault | undefined): () => void {
    return this.#functions.start(rule);
  }

  /**
   * Loses each event that the rule says. Of a service that tells with best effort, as Step Functions, “in some rare cases an event might not be
   * delivered”: https://docs.aws.amazon.com/eventbridge/latest/ref/event-delivery-level.html
   */
  lose(rule: (event: EventEnvelope) => boolean): () => void {
    this.#losses.add(rule);
    return () => this.#losses.delete(rule);
  }

  /** Throttles every invocation of a function: receives are spent, and nothing runs. */
  throttle(functionName: string): () => void {
    return this.#functions.throttle(functionName);
  }

  /**
   * Disables the mapping of a queue; what ends it enables it again. Both take effect some seconds later, as on AWS.
   *
   * @throws LocalCloudError `UNKNOWN_MAPPING`
   */
  pause(queueArn: string): () => void {
    return this.#functions.pause(queueArn);
  }

  /**
   * Puts the clocks of a function's environments, running ones and those to come, ahead of the cloud's clock; below zero behind it. A
   * later call with fewer seconds makes them run backwards.
   */
  skew(functionName: string, seconds: number): () => void {
    return this.#functions.skew(functionName, seconds);
  }

  /**
   * Deploys other code: what runs goes on with the old code, every later invocation runs the new. What ends it rolls back.
   *
   * @param codeDirectory a bundle's folder, as the assembly holds them
   * @throws AwsError `ResourceNotFoundException`
   */
  deploy(functionName: string, codeDirectory: string): () => void {
    return this.#functions.deploy(functionName, codeDirectory);
  }

  /** Carries out a list of faults. */
  plan(planned: readonly PlannedFault[]): Plan {
    return carryOut(this, planned);
  }

  /** Draws faults from a seed, at the given rates, until it is lifted. */
  storm(options: StormOptions): Storm {
    return breakOut(this, options);
  }

  /** The service, with the calls to it under the rules. */
  observed(service: Service): Service {
    return this.#calls.observed(service);
  }
}
