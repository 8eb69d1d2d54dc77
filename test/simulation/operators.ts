import {
  SendMessageCommand,
  SetQueueAttributesCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { LocalCloudError } from '../../local/kernel/errors.ts';
import { cancelJob } from '../../shared/client/cancel.ts';
import { Publisher } from '../../shared/client/publisher.ts';
import { resolveStep } from '../../shared/client/resolve-step.ts';
import { SPEC_VERSION } from '../../shared/jobs/message.ts';
import { STAGE } from './cloud.ts';
import type { Fault, FaultKind } from './faults.ts';
import { contractOf, stepsOf, typeOf } from './jobs.ts';
import { type SimulatedJob, type SimulatedType, TYPES } from './scenario.ts';
import type { World } from './world.ts';

/** A publisher that got no answer publishes again, and so often. */
const TRIES = 4;
const AGAIN_AFTER_MS = 20_000;

/** After these ends are looked for that no event told of, as from the beginning. */
const SWEPT_AFTER: ReadonlySet<FaultKind> = new Set(['redrive', 'published-much-later']);

const POISON: readonly ((job: string) => string)[] = [
  (job) => `no JSON ${job}`,
  (job) => JSON.stringify({ job }),
  (job) => envelope(job, 'another-type', { job, variant: 0 }),
  (job) => envelope(job, 'charge', { job, variant: 'no number' }),
  (job) => envelope(job, 'charge', null),
  (job) => `${'['.repeat(5000)}"${job}"${']'.repeat(5000)}`,
];

/** Sets all that people and publishers do in a world. */
export function operate(world: World): void {
  const byMoment = Map.groupBy(
    world.scenario.jobs.filter(({ expiresAfterMs }) => expiresAfterMs === undefined),
    ({ type, atMs }) => `${type} ${atMs}`,
  );
  for (const jobs of byMoment.values()) {
    const [{ type, atMs }] = jobs as [SimulatedJob];
    world.clock.after(
      atMs,
      () =>
        void publish(
          world,
          type,
          jobs.map(({ key }) => key),
          TRIES,
        ),
    );
  }
  const begins = new Map<string, number>();
  for (const { key, atMs, expiresAfterMs } of world.scenario.jobs) {
    begins.set(key, atMs);
    const expiresMs = world.expiresMs(key);
    if (expiresAfterMs !== undefined && expiresMs !== undefined)
      world.clock.after(atMs, () =>
        sendFromElsewhere(world, key, { expirytime: new Date(expiresMs).toISOString() }),
      );
  }
  for (const fromMs of [
    0,
    ...world.scenario.faults.flatMap(({ kind, atMs = 0 }) => (SWEPT_AFTER.has(kind) ? [atMs] : [])),
  ])
    world.executions.sweepFrom(world.clock.now() + fromMs);
  for (const fault of world.scenario.faults) {
    if (fault.atMs === undefined || world.plan.of('invocation', fault.job ?? '').includes(fault)) continue;
    const atMs = fault.atMs + (begins.get(fault.job ?? '') ?? 0);
    world.clock.after(atMs, () => happen(world, fault));
  }
}

async function publish(
  world: World,
  type: SimulatedType,
  jobs: readonly string[],
  tries: number,
): Promise<void> {
  const { sqs } = world.cloud.clients;
  const publisher = new Publisher({
    sqs,
    source: '/simulation',
    queueUrl: (name) => world.cloud.sqs.queueUrl(name),
  });
  const { accepted, notAccepted } = await publisher.publishMany(
    contractOf(type, 'old'),
    jobs.map((job) => ({ payload: { job, variant: 0 }, id: job })),
  );
  for (const { jobId } of accepted)
    if (!world.messages.has(jobId)) world.violate('what was accepted is on its queue', jobId);
  const again = notAccepted.map(({ jobId }) => jobId);
  for (const { jobId, kind } of notAccepted)
    world.trace(`publisher learns that ${jobId} was not accepted: ${kind}`);
  if (again.length > 0 && tries > 1)
    world.clock.after(AGAIN_AFTER_MS, () => void publish(world, type, again, tries - 1));
}

/** As a service in another language sends it: no answer concerns it. */
function sendFromElsewhere(world: World, job: string, changes: object = {}, variant = 0): void {
  const body = JSON.stringify({
    ...(JSON.parse(envelope(job, typeOf(job), { job, variant })) as object),
    ...changes,
  });
  send(world, typeOf(job), body);
}

function send(world: World, type: SimulatedType, body: string): void {
  world.cloud.clients.sqs
    .send(new SendMessageCommand({ QueueUrl: world.cloud.sqs.queueUrl(type), MessageBody: body }))
    .catch((error: Error) => world.trace(`a publisher fails: ${error.name}`));
}

function envelope(job: string, type: string, data: unknown): string {
  return JSON.stringify({ specversion: SPEC_VERSION, id: job, source: '/elsewhere', type, data });
}

/** What is set by time. */
function happen(world: World, fault: Fault): void {
  const { kind, job = '', ms = 0, nth = 0, environment = 0 } = fault;
  const { plan, lambda, cloud, provider, clock } = world;
  switch (kind) {
    case 'delivered-twice':
      if (!duplicate(world, job)) return;
      break;
    case 'published-again':
    case 'published-much-later': {
      sendFromElsewhere(world, job, { id: `${job} again`, ...expiryOf(world, job) });
      break;
    }
    case 'key-reused':
      sendFromElsewhere(world, job, { id: `${job} reused`, ...expiryOf(world, job) }, 1);
      break;
    case 'cancelled':
      void cancel(world, job);
      break;
    case 'poison':
      send(
        world,
        'charge',
        (POISON[nth % POISON.length] as (typeof POISON)[0])(`poison-${String(nth).padStart(6, '0')}`),
      );
      break;
    case 'records-outage':
      world.recordsDownUntilMs = clock.now() + ms;
      break;
    case 'provider-outage':
      provider.downUntilMs = clock.now() + ms;
      break;
    case 'mapping-throttled':
      lambda.throttle(job as SimulatedType, ms);
      break;
    case 'mapping-paused':
      lambda.pause(job as SimulatedType, ms);
      break;
    case 'console-view':
      void cloud.sqs.receive(cloud.sqs.arnOf(job), { visibilityTimeoutSeconds: Math.ceil(ms / 1000) });
      break;
    case 'letters-refused':
      void refuseLetters(world, job as SimulatedType, ms);
      break;
    case 'deploy':
      world.environments.version = 'new';
      break;
    case 'clock-step':
      if (!world.environments.step(environment, ms)) return;
      break;
    case 'redrive':
      world.executions.tellLost();
      void resolveAll(world).then(() => {
        for (const type of TYPES) void redrive(world, type);
      });
      break;
    default:
      return;
  }
  plan.strike(fault);
}

function duplicate(world: World, job: string): boolean {
  const id = world.messages.newestOf(job);
  if (id === undefined) return false;
  try {
    world.cloud.sqs.duplicate(world.cloud.sqs.arnOf(typeOf(job)), id);
  } catch (error) {
    if (error instanceof LocalCloudError) return false;
    throw error;
  }
  world.messages.copied(id);
  return true;
}

/** What a person does before a redrive: looks at the provider for what uncertain steps of dead jobs left there, and writes it down. */
async function resolveAll(world: World): Promise<void> {
  for (const [job, steps] of world.steps.uncertain)
    for (const step of steps) {
      if (world.records.image(job)?.state !== 'dead' || !stepsOf(job).includes(step)) continue;
      const done = world.provider.count(job, step) > 0;
      try {
        await resolveStep(
          typeOf(job),
          job,
          step,
          done ? { found: 'done', result: world.provider.receipt(job, step) } : { found: 'not-done' },
          { dynamo: world.cloud.clients.dynamo, stage: STAGE, now: () => world.clock.now() },
        );
        world.trace(`an operator resolves ${step} of ${job}: ${done ? 'done' : 'not done'}`);
      } catch (error) {
        world.trace(`${step} of ${job} is not resolved: ${(error as Error).message}`);
      }
    }
}

/** As the console's "Start DLQ redrive": one that runs already refuses the second. */
async function redrive(world: World, type: SimulatedType): Promise<void> {
  const SourceArn = world.cloud.sqs.arnOf(`${type}-dead`);
  try {
    await world.cloud.clients.sqs.send(new StartMessageMoveTaskCommand({ SourceArn }));
  } catch (error) {
    world.trace(`the redrive of ${type} is refused: ${(error as Error).name}`);
  }
}

/** Somebody changes a policy: the dead-letter queue takes nothing from its source for a while. */
async function refuseLetters(world: World, type: SimulatedType, ms: number): Promise<void> {
  const { sqs, clients } = world.cloud;
  const set = async (redrivePermission: string): Promise<void> => {
    const RedriveAllowPolicy = JSON.stringify({ redrivePermission });
    const QueueUrl = sqs.queueUrl(`${type}-dead`);
    await clients.sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { RedriveAllowPolicy } }));
  };
  await set('denyAll');
  world.clock.after(ms, () => void set('allowAll'));
}

/** What has not begun, or waits, by then never runs. */
async function cancel(world: World, job: string): Promise<void> {
  const { outcome } = await cancelJob(contractOf(typeOf(job), 'old'), job, {
    dynamo: world.cloud.clients.dynamo,
    stage: STAGE,
    now: () => world.clock.now(),
    sfn: world.cloud.clients.sfn,
  });
  world.trace(`an operator cancels ${job}: ${outcome}`);
  if (outcome === 'before-it-ran' || outcome === 'waits') world.cancelled.add(job);
}

/** All messages of a job expire at the same time, whoever sends them: the rules know one time a job. */
function expiryOf(world: World, job: string): { expirytime?: string } {
  const expiresMs = world.expiresMs(job);
  return expiresMs === undefined ? {} : { expirytime: new Date(expiresMs).toISOString() };
}
