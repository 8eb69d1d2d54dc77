import type { MetricDatum } from '../cloudwatch/index.ts';
import { DueWork } from '../kernel/due-work.ts';
import { AwsError } from '../kernel/errors.ts';
import { handleJson, type Operation } from '../kernel/json-protocol.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import { RETRIES, retryMs } from '../kernel/retry-policy.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { newUuid } from '../sns/ids.ts';
import { type Delivery, DeliveryStore } from './deliveries.ts';
import type { EventEnvelope } from './envelope.ts';
import { eventOperations } from './operations.ts';
import { matches } from './pattern.ts';
import { eventsProviders } from './providers.ts';
import { type Rule, Rules } from './rules.ts';
import { ScheduledRules } from './scheduled-rules.ts';
import { bring, type Destinations, deadLetter, isFinal } from './send.ts';
import { inputFor, type Target } from './targets.ts';

export interface EventBridgeOptions extends Destinations {
  readonly onMetric?: ((metric: MetricDatum) => void) | undefined;
}

/** Where the fault room takes part in what EventBridge does. */
export interface EventFaults {
  /** Asked for each event that comes in, before any rule sees it. */
  readonly lose?: (event: EventEnvelope) => boolean;
}

/** An event that comes in. */
export interface IncomingEvent {
  readonly source: string;
  readonly detailType: string;
  readonly resources?: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
  /** @default now */
  readonly timeMs?: number;
}

/** Amazon EventBridge: the default event bus, and its rules to Lambda functions and SQS queues. */
export class EventBridge implements Service {
  readonly signingName = 'events';
  readonly rules: Rules;
  /** For the fault room. */
  faults: EventFaults = {};
  readonly #context: CloudContext;
  readonly #options: EventBridgeOptions;
  readonly #deliveries: DeliveryStore;
  readonly #schedules: ScheduledRules;
  readonly #operations: Readonly<Record<string, Operation>>;
  readonly #due: DueWork;

  constructor(context: CloudContext, options: EventBridgeOptions) {
    this.#context = context;
    this.#options = options;
    this.rules = new Rules(context);
    this.#deliveries = new DeliveryStore(context);
    this.#due = new DueWork({
      clock: context.clock,
      nextMs: () => this.nextEventMs,
      work: () => this.#deliverDue(),
    });
    this.#schedules = new ScheduledRules(context, this.rules, (rule) => this.#onSchedule(rule));
    this.#operations = eventOperations(this);
  }

  handle(request: ServiceRequest): Promise<ServiceResponse> {
    return handleJson(request, { version: '1.1', operations: this.#operations });
  }

  providers(): ResourceProvider[] {
    return eventsProviders(this.rules);
  }

  /** What was not delivered when the cloud went down is delivered now. */
  start(): void {
    this.#due.start();
    this.#schedules.start();
  }

  async stop(): Promise<void> {
    this.#due.stop();
    this.#schedules.stop();
  }

  /** A delivery is due and about to be made. */
  get busy(): boolean {
    return this.#due.busy;
  }

  /** When the next delivery is made, or tried again (cloud time, ms). */
  get nextEventMs(): number | undefined {
    return this.#deliveries.nextMs();
  }

  /** Keeps the event for each target of each rule that it matches; may be called within a transaction. @returns its id */
  accept(incoming: IncomingEvent): string {
    const event = this.#envelope(incoming);
    if (this.faults.lose?.(event)) return event.id;
    for (const rule of this.rules.all())
      if (rule.state === 'ENABLED' && rule.pattern && matches(rule.pattern, event))
        this.#trigger(rule, event);
    this.#due.arm();
    return event.id;
  }

  /** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html */
  #onSchedule(rule: Rule): void {
    const incoming = {
      source: 'aws.events',
      detailType: 'Scheduled Event',
      resources: [rule.arn],
      detail: {},
    };
    this.#trigger(rule, this.#envelope(incoming));
    this.#due.arm();
  }

  #envelope({ source, detailType, resources = [], detail, timeMs }: IncomingEvent): EventEnvelope {
    const { clock, random, accountId, region } = this.#context;
    return {
      version: '0',
      id: newUuid(random),
      'detail-type': detailType,
      source,
      account: accountId,
      time: new Date(timeMs ?? clock.now()).toISOString().replace(/\.\d{3}Z$/, 'Z'),
      region,
      resources,
      detail,
    };
  }

  #trigger(rule: Rule, event: EventEnvelope): void {
    const acceptedMs = Math.floor(this.#context.clock.now());
    this.#measure('TriggeredRules', rule);
    for (const target of rule.targets)
      this.#deliveries.add({
        rule: rule.name,
        targetId: target.Id,
        input: inputFor(target, event, rule),
        acceptedMs,
      });
  }

  #deliverDue(): void {
    for (const delivery of this.#deliveries.due(this.#context.clock.now())) this.#deliver(delivery);
  }

  /** Brings it first and notes it then: a process that dies in between brings it again, as at-least-once delivery may. */
  #deliver(delivery: Delivery): void {
    const rule = this.rules.find(delivery.rule);
    const target = rule?.targets.find(({ Id }) => Id === delivery.targetId);
    if (rule && target) {
      this.#measure('Invocations', rule);
      try {
        bring(rule, target, delivery.input, this.#options);
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        const againMs = isFinal(error) ? undefined : this.#againMs(delivery, target);
        if (againMs !== undefined) {
          this.#deliveries.retry(delivery, againMs);
          return;
        }
        this.#measure('FailedInvocations', rule);
        if (deadLetter(rule, target, delivery, error, this.#options))
          this.#measure('InvocationsSentToDlq', rule);
      }
    }
    this.#deliveries.done(delivery);
  }

  #againMs({ acceptedMs: dueMs, failures }: Delivery, { RetryPolicy }: Target): number | undefined {
    return retryMs({ dueMs, failures }, { ...RETRIES, ...RetryPolicy }, this.#context.clock.now());
  }

  #measure(metricName: string, { name }: Rule): void {
    this.#options.onMetric?.({
      namespace: 'AWS/Events',
      metricName,
      dimensions: { RuleName: name },
      value: 1,
      unit: 'Count',
      atMs: this.#context.clock.now(),
    });
  }
}
