import type { MetricDatum } from '../cloudwatch/index.ts';
import { DueWork } from '../kernel/due-work.ts';
import { AwsError } from '../kernel/errors.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import { handleRestJson, type RestRoutes } from '../kernel/rest-json.ts';
import { retryMs } from '../kernel/retry-policy.ts';
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

/** Amazon EventBridge Scheduler: one-time schedules that send to SQS queues. */
export class Scheduler implements Service {
  readonly signingName = 'scheduler';
  readonly groups: ScheduleGroups;
  readonly schedules: Schedules;
  readonly #context: CloudContext;
  readonly #options: SchedulerOptions;
  readonly #routes: RestRoutes;
  readonly #due: DueWork;

  constructor(context: CloudContext, options: SchedulerOptions) {
    this.#context = context;
    this.#options = options;
    this.groups = new ScheduleGroups(context);
    this.schedules = new Schedules(context);
    this.#due = new DueWork({
      clock: context.clock,
      nextMs: () => this.nextEventMs,
      work: () => this.#fireDue(),
    });
    this.#routes = {
      'POST /schedules/*': ({ parameter, input }) => ({ ScheduleArn: this.#create(parameter, input).arn }),
      ...schedulerRoutes(this.schedules, this.groups, () => this.#due.arm()),
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
    this.#due.start();
  }

  async stop(): Promise<void> {
    this.#due.stop();
  }

  /** A schedule is due and about to fire. */
  get busy(): boolean {
    return this.#due.busy;
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
    this.#due.arm();
    return schedule;
  }

  #fireDue(): void {
    for (const schedule of this.schedules.due(this.#context.clock.now())) this.#fire(schedule);
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
      const againMs = retryMs(schedule, schedule.definition.Target.RetryPolicy, this.#context.clock.now());
      if (againMs !== undefined) {
        this.schedules.retry(schedule, againMs);
        return;
      }
      this.#count('InvocationDroppedCount', schedule);
    }
    this.schedules.complete(schedule);
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
