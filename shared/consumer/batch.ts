import { randomUUID } from 'node:crypto';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { type Job, type JobSettings, maxReceiveCount } from '../jobs/define-job.ts';
import type { Parsed } from '../jobs/message.ts';
import { type ParsedJob, parseJob } from '../jobs/parse-job.ts';
import type { JobHandler } from './context.ts';
import { deleteRenewed, resend } from './resend.ts';
import { CLAIMING_MARGIN_MS, leastMsOf, type Outcome, type Run } from './run.ts';
import { runJob } from './run-job.ts';
import type { Runtime } from './runtime.ts';
import { isSpent, settlementOf } from './settle.ts';
import { report, reportAge, reportRenewal, type Subject } from './telemetry.ts';
import { changeVisibility } from './visibility.ts';

/** Between the invocation's end and the moment that its messages come back: a crash is found this soon, and no sooner. */
const VISIBILITY_MARGIN_SECONDS = 5;

/** Batches that never leave it the time to run alone must not keep a job from running for ever. */
const RECEIVES_TO_RUN_BESIDE_OTHERS_IN = 3;

interface Received<Payload> {
  readonly record: SQSRecord;
  readonly subject: Subject;
  readonly parsed: Parsed<ParsedJob<Payload>>;
}

interface Settled<Payload> extends Received<Payload> {
  readonly outcome: Outcome;
  /** The highest hop that this message's run knows to have claimed the key. */
  readonly claimedHop: number;
}

/**
 * From SQS batch to outcomes: jobs run side by side, those of the same key one after the other; every message's fate follows from
 * its own outcome. Jobs that crashed before run last, one by one, when the fates of the others are settled.
 *
 * @returns what is not to be deleted. Never throws for what a message or a handler does, since that would fail its neighbours.
 */
export async function runBatch<Payload>(
  job: Job<Payload, unknown>,
  handler: JobHandler<Payload>,
  event: SQSEvent,
  lambdaContext: Context,
  runtime: Runtime,
): Promise<SQSBatchResponse> {
  const received = event.Records.map((record) => receive(job, record, runtime));
  // Not waited for: it only decides how soon a crash is found, and a control call that hangs must not keep jobs from running.
  const shortened = changeVisibility(
    received.map(({ record }) => ({
      record,
      seconds: lambdaContext.getRemainingTimeInMillis() / 1000 + VISIBILITY_MARGIN_SECONDS,
    })),
    runtime,
  );
  const runAll = (group: readonly Received<Payload>[], alone: boolean): Promise<Settled<Payload>[]> =>
    runInOrder(job, handler, group, { lambdaContext, runtime, alone });
  const ran = (
    await Promise.all(groupByKey(received).map((group) => runAll(group, received.length === 1)))
  ).flat();
  await shortened;
  const [dangerous, settled] = [ran.filter(runsAlone), ran.filter((one) => !runsAlone(one))];
  // One that may end the process again must not have them sent twice.
  const kept = await settle(job, settled, runtime, { deleteRenewedAtOnce: dangerous.length > 0 });
  for (const one of dangerous) kept.push(...(await settle(job, await runAll([one], true), runtime)));
  runtime.metrics.publishStoredMetrics();
  return { batchItemFailures: kept.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

function runsAlone({ outcome }: Settled<unknown>): boolean {
  return outcome.kind === 'waiting' && outcome.why === 'runs-alone';
}

/** Brings each message's fate about. @returns the messages that are not to be deleted */
async function settle<Payload>(
  job: JobSettings,
  settled: readonly Settled<Payload>[],
  runtime: Runtime,
  { deleteRenewedAtOnce = false } = {},
): Promise<SQSRecord[]> {
  // Counted from now, since a job may have waited long for its neighbours.
  const nowMs = runtime.now();
  const hidden = await Promise.all(
    settled.map(async ({ record, subject, parsed, outcome, claimedHop }) => {
      const { sentAtMs, receiveCount } = subject;
      const receives = { receiveCount, maxReceiveCount: maxReceiveCount(job) };
      const fate = settlementOf(outcome, { nowMs, sentAtMs, ...receives, random: runtime.random() });
      if (fate.fate === 'delete') return undefined;
      if (fate.fate === 'hide') return { record, seconds: fate.seconds };
      const { atMs, renewal } = fate;
      const sent = parsed.ok && (await resend({ record, key: parsed.value.key, claimedHop, atMs }, runtime));
      if (!sent) return { record, seconds: Math.max(1, (atMs - nowMs) / 1000) };
      // By us as well as by the mapping: one of its last receives is all that keeps it from the dead-letter queue.
      if (deleteRenewedAtOnce || isSpent(receives)) await deleteRenewed(record, runtime);
      if (renewal) reportRenewal(subject, runtime);
      return undefined;
    }),
  );
  const kept = hidden.filter((one) => one !== undefined);
  await changeVisibility(kept, runtime);
  return kept.map(({ record }) => record);
}

function receive<Payload>(
  job: Job<Payload, unknown>,
  record: SQSRecord,
  runtime: Runtime,
): Received<Payload> {
  const parsed = parseJob(job, record.body);
  const subject: Subject = {
    messageId: record.messageId,
    receiveCount: Number(record.attributes.ApproximateReceiveCount),
    sentAtMs: Number(record.attributes.SentTimestamp),
    ...(parsed.ok ? { job: { id: parsed.value.message.id, type: job.type, key: parsed.value.key } } : {}),
  };
  const sentAgain = parsed.ok && (parsed.value.message.hop ?? 0) > 0;
  reportAge(subject, subject.receiveCount === 1 && !sentAgain, runtime);
  return { record, subject, parsed };
}

/** Messages of one key in the order received; what could not be read stands alone. */
function groupByKey<Payload>(received: readonly Received<Payload>[]): Received<Payload>[][] {
  const groups = Map.groupBy(received, ({ parsed, record }) =>
    parsed.ok ? `key ${parsed.value.key}` : `message ${record.messageId}`,
  );
  return [...groups.values()];
}

interface Circumstances {
  readonly lambdaContext: Context;
  readonly runtime: Runtime;
  readonly alone: boolean;
}

async function runInOrder<Payload>(
  job: Job<Payload, unknown>,
  handler: JobHandler<Payload>,
  group: readonly Received<Payload>[],
  circumstances: Circumstances,
): Promise<Settled<Payload>[]> {
  const settled: Settled<Payload>[] = [];
  for (const one of group) {
    const { outcome, attempt, claimedHop = 0 } = await runOne(job, handler, one, circumstances);
    const ran = { ...one, outcome, claimedHop };
    if (!runsAlone(ran)) report(outcome, one.subject, attempt, circumstances.runtime);
    settled.push(ran);
  }
  return settled;
}

async function runOne<Payload>(
  job: Job<Payload, unknown>,
  handler: JobHandler<Payload>,
  { parsed, subject }: Received<Payload>,
  { lambdaContext, runtime, alone }: Circumstances,
): Promise<{ outcome: Outcome; attempt?: number; claimedHop?: number }> {
  // A rejection is computed again at each receive rather than recorded: there may be no key to record it under.
  const { receiveCount } = subject;
  const lastReceive = receiveCount === maxReceiveCount(job);
  if (!parsed.ok) return { outcome: { kind: 'dead', verdict: parsed.rejection, fresh: lastReceive } };
  const leftMs = lambdaContext.getRemainingTimeInMillis();
  const nowMs = runtime.now();
  if (leftMs < leastMsOf(job) + CLAIMING_MARGIN_MS)
    return { outcome: { kind: 'waiting', untilMs: nowMs, why: 'no-time-left' } };
  const { message, key, payloadHash } = parsed.value;
  const run: Run = {
    type: job.type,
    key,
    jobId: message.id,
    payloadHash,
    messageId: subject.messageId,
    lastReceive,
    spent: isSpent({ receiveCount, maxReceiveCount: maxReceiveCount(job) }),
    sentAtMs: subject.sentAtMs,
    hop: message.hop ?? 0,
    claimedHop: message.hop ?? 0,
    expired: message.expirytime !== undefined && nowMs >= Date.parse(message.expirytime),
    alone: alone || receiveCount >= maxReceiveCount(job) - RECEIVES_TO_RUN_BESIDE_OTHERS_IN,
    owner: randomUUID(),
    requestId: lambdaContext.awsRequestId,
    leaseUntilMs: nowMs + leftMs,
  };
  const outcome = await runJob(job, handler, parsed.value, run, lambdaContext, runtime);
  return { outcome, claimedHop: run.claimedHop, ...(run.claim ? { attempt: run.claim.attempt } : {}) };
}
