import type { MetricDatum } from '../cloudwatch/index.ts';
import type { Timer } from '../kernel/clock.ts';
import { AwsError } from '../kernel/errors.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import { handleRestJson, type RestRoutes } from '../kernel/rest-json.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { readDefinition } from './definition.ts';
import { type DeliveryParts, deliver, SERVICE_PRINCIPAL } from './delivery.ts';
import { validation } from './errors.ts';
import { DEFAULT_GROUP, ScheduleGroups } from './groups.ts';
import type { Input } from './input.ts';
import { checkName } from './names.ts';
import { schedulerRoutes } from './operations.ts';
import { schedulerProviders } from './providers.ts';
import { type Schedule, Schedules } from './schedules.ts';

export interface SchedulerOptions extends DeliveryParts {
  readonly onMetric?: ((metric: MetricDatum) => void) | undefined;
}

/** Failed deliveries come back after 1 s, doubling up to 10 min: in a day, fewer times than the default retry policy allows. */
const RETRY_BACKOFF_SECONDS = { first: 1, longest: 600 };

/** Amazon EventBridge Scheduler: one-time schedules that send to SQS queues. */
export class Scheduler implements Service {
  readonly signingName = 'scheduler';
  readonly groups: ScheduleGroups;
  readonly schedules: Schedules;
  readonly #context: CloudContext;
  readonly #options: SchedulerOptions;
  readonly #routes: RestRoutes;
  #running = false;
  #timer: Timer | undefined;

  constructor(context: CloudContext, options: SchedulerOptions) {
    this.#context = context;
    this.#options = options;
    this.groups = new ScheduleGroups(context);
    this.schedules = new Schedules(context);
    this.#routes = {
      'POST /schedules/*': ({ parameter, input }) => ({ ScheduleArn: this.#create(parameter, input).arn }),
      ...schedulerRoutes(this.schedules, this.groups, () => this.#arm()),
    };
  }

  handle(request: ServiceRequest): Promise<ServiceResponse> {
    return handleRestJson(request, 'EventBridge Scheduler', this.#routes);
  }

  providers(): ResourceProvider[] {
    return schedulerProviders(this.groups);
  }

  /** What fell due while the cloud was down is sent at once. */
  start(): void {
    this.#running = true;
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#timer?.cancel();
  }

  /** A schedule is due and about to fire. */
  get busy(): boolean {
    return (this.nextEventMs ?? Number.POSITIVE_INFINITY) <= this.#context.clock.now();
  }

  /** When the next schedule fires, or is tried again (cloud time, ms); `undefined` when none will. */
  get nextEventMs(): number | undefined {
    return this.schedules.nextMs();
  }

  /** @throws AwsError `ValidationException`, `ConflictException`, `ResourceNotFoundException` for its group */
  #create(name: string, input: Input): Schedule {
    checkName(name, 'name');
    const group = this.groups.get((input.GroupName as string | undefined) ?? DEFAULT_GROUP);
    const createdMs = this.#context.clock.now();
    const { definition, dueMs } = readDefinition(input, createdMs);
    const { RoleArn } = definition.Target;
    if (!this.#options.iam.mayAssume(SERVICE_PRINCIPAL, RoleArn, group.arn))
      throw validation(
        `The execution role you provide must allow AWS EventBridge Scheduler to assume the role: ${RoleArn} does not, for ${group.arn}.`,
      );
    const clientToken = (input.ClientToken as string | undefined) ?? crypto.randomUUID();
    const schedule = this.schedules.create({
      group: group.name,
      name,
      definition,
      clientToken,
      createdMs,
      dueMs,
    });
    this.#arm();
    return schedule;
  }

  #arm(): void {
    this.#timer?.cancel();
    const nextMs = this.nextEventMs;
    if (!this.#running || nextMs === undefined) return;
    this.#timer = this.#context.clock.after(nextMs - this.#context.clock.now(), () => this.#fireDue());
  }

  #fireDue(): void {
    for (const schedule of this.schedules.due(this.#context.clock.now())) this.#fire(schedule);
    this.#arm();
  }

  /** Sends first and notes it then: a process that dies in between sends again, as at-least-once delivery may. */
  #fire(schedule: Schedule): void {
    this.#count('InvocationAttemptCount', schedule);
    try {
      const { arn } = this.groups.get(schedule.group);
      deliver(schedule, arn, this.#newExecutionId(), this.#options);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      this.#count('TargetErrorCount', schedule);
      const retryMs = this.#retryMs(schedule);
      if (retryMs !== undefined) {
        this.schedules.retry(schedule, retryMs);
        return;
      }
      this.#count('InvocationDroppedCount', schedule);
    }
    this.schedules.complete(schedule);
  }

  /** `undefined` once the schedule's retry policy is exhausted. */
  #retryMs({ definition, dueMs, failures }: Schedule): number | undefined {
    const { MaximumEventAgeInSeconds, MaximumRetryAttempts } = definition.Target.RetryPolicy;
    const { first, longest } = RETRY_BACKOFF_SECONDS;
    const retryMs = this.#context.clock.now() + Math.min(first * 2 ** failures, longest) * 1000;
    const tooOld = retryMs > dueMs + MaximumEventAgeInSeconds * 1000;
    return failures >= MaximumRetryAttempts || tooOld ? undefined : retryMs;
  }

  #count(metricName: string, { group }: Schedule): void {
    this.#options.onMetric?.({
      namespace: 'AWS/Scheduler',
      metricName,
      dimensions: { ScheduleGroup: group },
      value: 1,
      unit: 'Count',
      atMs: this.#context.clock.now(),
    });
  }

  #newExecutionId(): string {
    return Math.floor(this.#context.random() * 2 ** 52)
      .toString(16)
      .padStart(16, '0');
  }
}
