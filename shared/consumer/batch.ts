import { randomUUID } from 'node:crypto';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { Job } from '../jobs/define-job.ts';
import type { Parsed } from '../jobs/message.ts';
import { type ParsedJob, parseJob } from '../jobs/parse-job.ts';
import { RECORDING_MARGIN_MS } from './attempt.ts';
import type { JobHandler } from './context.ts';
import type { Outcome, Run } from './run.ts';
import { runJob } from './run-job.ts';
import type { Runtime } from './runtime.ts';
import { settlementOf } from './settle.ts';
import { report, reportAge, type Subject } from './telemetry.ts';
import { changeVisibility } from './visibility.ts';

/** Between the invocation's end and the moment that its messages come back: a crash is found this soon, and no sooner. */
const VISIBILITY_MARGIN_SECONDS = 5;

interface Received<Payload> {
  readonly record: SQSRecord;
  readonly subject: Subject;
  readonly parsed: Parsed<ParsedJob<Payload>>;
}

interface Settled {
  readonly record: SQSRecord;
  readonly subject: Subject;
  readonly outcome: Outcome;
}

/**
 * From SQS batch to outcomes: jobs run side by side, those of the same key one after the other; every message's fate follows from
 * its own outcome.
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
  const settled = (
    await Promise.all(
      groupByKey(received).map((group) => runInOrder(job, handler, group, lambdaContext, runtime)),
    )
  ).flat();
  // Counted from now, since a job may have waited long for its neighbours.
  const kept = settled.flatMap(({ record, subject, outcome }) => {
    const settlement = settlementOf(outcome, runtime.now(), subject.receiveCount, runtime.random());
    return settlement === 'delete' ? [] : [{ record, seconds: settlement.hideSeconds }];
  });
  await shortened;
  await changeVisibility(kept, runtime);
  runtime.metrics.publishStoredMetrics();
  return { batchItemFailures: kept.map(({ record }) => ({ itemIdentifier: record.messageId })) };
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
  reportAge(subject, subject.receiveCount === 1, runtime);
  return { record, subject, parsed };
}

/** Messages of one key in the order received; what could not be read stands alone. */
function groupByKey<Payload>(received: readonly Received<Payload>[]): Received<Payload>[][] {
  const groups = Map.groupBy(received, ({ parsed, record }) =>
    parsed.ok ? `key ${parsed.value.key}` : `message ${record.messageId}`,
  );
  return [...groups.values()];
}

async function runInOrder<Payload>(
  job: Job<Payload, unknown>,
  handler: JobHandler<Payload>,
  group: readonly Received<Payload>[],
  lambdaContext: Context,
  runtime: Runtime,
): Promise<Settled[]> {
  const settled: Settled[] = [];
  for (const one of group) {
    const { outcome, attempt } = await runOne(job, handler, one, lambdaContext, runtime);
    report(outcome, one.subject, attempt, runtime);
    settled.push({ record: one.record, subject: one.subject, outcome });
  }
  return settled;
}

async function runOne<Payload>(
  job: Job<Payload, unknown>,
  handler: JobHandler<Payload>,
  { parsed, subject }: Received<Payload>,
  lambdaContext: Context,
  runtime: Runtime,
): Promise<{ outcome: Outcome; attempt?: number }> {
  // A rejection is computed again at each receive rather than recorded: there may be no key to record it under.
  if (!parsed.ok)
    return { outcome: { kind: 'dead', verdict: parsed.rejection, fresh: subject.receiveCount === 1 } };
  const leftMs = lambdaContext.getRemainingTimeInMillis();
  if (leftMs < job.timeoutSeconds * 1000 + RECORDING_MARGIN_MS)
    return { outcome: { kind: 'waiting', untilMs: runtime.now(), why: 'no-time-left' } };
  const run: Run = {
    type: job.type,
    key: parsed.value.key,
    jobId: parsed.value.message.id,
    payloadHash: parsed.value.payloadHash,
    messageId: subject.messageId,
    firstReceive: subject.receiveCount === 1,
    sentAtMs: subject.sentAtMs,
    owner: randomUUID(),
    requestId: lambdaContext.awsRequestId,
    leaseUntilMs: runtime.now() + leftMs,
  };
  const outcome = await runJob(job, handler, parsed.value, run, lambdaContext, runtime);
  return { outcome, ...(run.claim ? { attempt: run.claim.attempt } : {}) };
}
