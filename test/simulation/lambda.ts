import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { AwsError } from '../../local/kernel/errors.ts';
import { FairSlots } from '../../local/lambda/fair-slots.ts';
import type { InvocationResult } from '../../local/lambda/invocation.ts';
import { Mapping } from '../../local/lambda/mapping.ts';
import type { MappingConfiguration } from '../../local/lambda/mapping-configuration.ts';
import { consume } from '../../shared/consumer/index.ts';
import { functionTimeoutSeconds } from '../../shared/jobs/define-job.ts';
import type { InvocationEnd } from './environments.ts';
import { contractOf, handlerOf, type Payload } from './jobs.ts';
import { type SimulatedType, TYPES } from './scenario.ts';
import type { World } from './world.ts';

/** More than all mappings together run. */
const SLOTS = 100;
/** The local cloud's own mapping of queue to function, and the consumers that it invokes. */
export class SimulatedLambda {
  readonly mappings = new Map<SimulatedType, Mapping>();
  readonly #world: World;
  readonly #throttledUntilMs = new Map<SimulatedType, number>();
  readonly #jobByHandle = new Map<string, string>();

  constructor(world: World) {
    this.#world = world;
  }

  start(): void {
    const slots = new FairSlots(SLOTS);
    const { cloud } = this.#world;
    for (const type of TYPES) {
      const job = contractOf(type, 'old');
      const mapping = new Mapping(
        {
          uuid: type,
          functionName: type,
          queueArn: cloud.sqs.arnOf(type),
          batchSize: job.batchSize,
          windowSeconds: 0,
          reportsItemFailures: true,
          maximumConcurrency: job.maxConcurrency,
          enabled: true,
        },
        {
          context: cloud.context,
          slots,
          queues: {
            attributes: (arn) => cloud.sqs.attributes(arn),
            receive: (arn, options) => cloud.sqs.receive(arn, options),
            changeVisibility: (arn, handle, seconds) => cloud.sqs.changeVisibility(arn, handle, seconds),
            deleteMessages: (arn, handles) => this.#delete(arn, handles),
          },
          invoke: (_, payload) => this.#invoke(type, payload),
        },
      );
      this.mappings.set(type, mapping);
      mapping.start();
    }
  }

  /** What runs will never end: time stands still. */
  async stop(): Promise<void> {
    for (const mapping of this.mappings.values()) void mapping.stop();
    await new Promise((turn) => setImmediate(turn));
  }

  throttle(type: SimulatedType, ms: number): void {
    this.#throttledUntilMs.set(type, this.#world.clock.now() + ms);
  }

  /** Disables the mapping for a while; each of both takes effect late. */
  pause(type: SimulatedType, ms: number): void {
    this.#enable(type, false);
    this.#world.clock.after(ms, () => this.#enable(type, true));
  }

  #enable(type: SimulatedType, enabled: boolean): void {
    const mapping = this.mappings.get(type) as Mapping;
    const settled = () => mapping.state === 'Enabled' || mapping.state === 'Disabled';
    if (!settled()) {
      this.#world.clock.after(1000, () => this.#enable(type, enabled));
      return;
    }
    const configuration: MappingConfiguration = { ...mapping.configuration, enabled };
    mapping.update(configuration);
  }

  async #invoke(type: SimulatedType, payload: string): Promise<InvocationResult> {
    const world = this.#world;
    if (world.clock.now() < (this.#throttledUntilMs.get(type) ?? 0))
      throw new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429);
    const event = JSON.parse(payload) as SQSEvent;
    const ids = event.Records.map(({ messageId }) => messageId);
    const jobs = ids.map((id) => world.messages.jobOf(id) ?? '');
    for (const [index, { receiptHandle }] of event.Records.entries())
      this.#jobByHandle.set(receiptHandle, jobs[index] as string);
    const faults = jobs.flatMap((job) => world.plan.at('invocation', job));
    if (faults.some(({ kind }) => kind === 'invocation-lost')) {
      world.trace(`an invocation with ${jobs.join(', ')} is lost`);
      return resultOf(null, 'Unhandled');
    }
    const environment = world.environments.take(type, (version) =>
      consume<Payload>(contractOf(type, version), handlerOf(type, world), world.runtimeOf(type)),
    );
    world.trace(`${environment.name} is invoked with ${jobs.join(', ')}`);
    world.invocations.set(environment, {
      jobs,
      version: environment.version,
      beganMs: Math.floor(world.clock.now()) + environment.skewMs,
    });
    const timeoutMs = functionTimeoutSeconds(contractOf(type, 'old')) * 1000;
    const outlives = faults.some(({ kind }) => kind === 'outlives');
    const invocation = world.environments.invoke(environment, event, { timeoutMs, outlives, faults });
    const end = await (outlives ? Promise.race([invocation, this.#givenUp(timeoutMs)]) : invocation);
    if ('died' in end) return resultOf({ errorMessage: end.died }, 'Unhandled');
    if ('thrown' in end) {
      world.violate('no message fails its batch', `${environment.name} threw ${(end.thrown as Error).stack}`);
      return resultOf(null, 'Unhandled');
    }
    const malformed = faults.find(({ kind }) => kind === 'answer-malformed');
    const { batchItemFailures } = end.answer as SQSBatchResponse;
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    world.messages.answered(ids);
    world.trace(`${environment.name} answers, ${failed.size} of ${ids.length} to come again`);
    return malformed ? malformedResult(malformed.ms ?? 0, ids) : resultOf(end.answer, undefined);
  }

  /** Lambda does not hear from it any more, and it goes on. */
  #givenUp(timeoutMs: number): Promise<InvocationEnd> {
    return new Promise((resolve) =>
      this.#world.clock.after(timeoutMs, () => resolve({ died: 'it was given up on' })),
    );
  }

  #delete(queueArn: string, handles: readonly string[]): void {
    const { cloud, plan } = this.#world;
    const faults = handles.flatMap((handle) => plan.at('deletion', this.#jobByHandle.get(handle)));
    if (faults.length > 0) throw new AwsError('InternalError', 'The simulation refuses to delete.', 500);
    cloud.sqs.deleteMessages(queueArn, handles);
  }
}

export function resultOf(body: unknown, functionError: InvocationResult['functionError']): InvocationResult {
  return { requestId: 'simulated', payload: JSON.stringify(body), functionError, logTail: '', durationMs: 0 };
}

/** Answers that Lambda takes for the failure of the whole batch. */
function malformedResult(which: number, ids: readonly string[]): InvocationResult {
  const item = (itemIdentifier: unknown) => ({ batchItemFailures: [{ itemIdentifier }] });
  const answers = [
    { batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) },
    item('of another batch'),
    item(''),
    { batchItemFailures: 'all of them' },
  ];
  return resultOf(answers[which % answers.length], undefined);
}
