import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { METRICS, type MetricName } from '../jobs/metrics.ts';
import type { Outcome, WaitReason } from './run.ts';
import type { Runtime } from './runtime.ts';

/** What is known of a message when its outcome is reported. */
export interface Subject {
  readonly messageId: string;
  readonly receiveCount: number;
  /** When SQS took it. */
  readonly sentAtMs: number;
  readonly job?: { readonly id: string; readonly type: string; readonly key: string };
}

/** Counts an outcome and logs it where a person may need it: never a line for a job that simply completed, since lines cost. */
export function report(
  outcome: Outcome,
  subject: Subject,
  attempt: number | undefined,
  runtime: Runtime,
): void {
  const add = (name: MetricName, value: number): void => {
    runtime.metrics.addMetric(name, MetricUnit[METRICS[name]], value);
  };
  const facts = { ...subject, ...(attempt === undefined ? {} : { attempt }) };
  const { logger } = runtime;
  switch (outcome.kind) {
    case 'completed':
      add('Completed', 1);
      add('Duration', outcome.durationMs);
      break;
    case 'started':
      add('Started', 1);
      logger.info('Started: an execution of its state machine carries the job.', {
        ...facts,
        executionArn: outcome.executionArn,
      });
      break;
    case 'duplicate':
      add('Duplicates', 1);
      logger.info('Duplicate: the key had completed or is under way; nothing ran.', facts);
      break;
    case 'superseded':
      add('Duplicates', 1);
      logger.info('Superseded: a later message carries the job.', facts);
      break;
    case 'expired':
    case 'cancelled':
      if (!outcome.fresh) {
        add('Duplicates', 1);
        logger.info(
          `A further message of a job that ${outcome.kind === 'expired' ? 'expired' : 'was cancelled'}; nothing ran.`,
          facts,
        );
        break;
      }
      add(outcome.kind === 'expired' ? 'Expired' : 'Cancelled', 1);
      if (outcome.durationMs !== undefined) add('Duration', outcome.durationMs);
      logger.info(
        outcome.kind === 'expired'
          ? 'Expired: its expirytime came before its work was done; it will not run.'
          : 'Cancelled: it will not run.',
        facts,
      );
      break;
    case 'deferred':
      add('Deferred', 1);
      add('Duration', outcome.durationMs);
      logger.info('Deferred: the handler asked for later; no attempt is spent.', {
        ...facts,
        reason: outcome.reason,
        until: new Date(outcome.untilMs).toISOString(),
      });
      break;
    case 'failed':
      add('Failed', 1);
      add('Retried', 1);
      if (outcome.durationMs !== undefined) add('Duration', outcome.durationMs);
      logger.warn('The attempt failed and will be tried again.', {
        ...facts,
        code: outcome.error.code,
        reason: outcome.error.message,
        retryInSeconds: outcome.delaySeconds,
      });
      break;
    case 'dead':
      if (outcome.durationMs !== undefined) {
        add('Failed', 1);
        add('Duration', outcome.durationMs);
      }
      if (!outcome.fresh) {
        logger.info('Given up on before; on its way to the dead-letter queue.', {
          ...facts,
          code: outcome.verdict.code,
        });
        break;
      }
      add('DeadLettered', 1);
      logger.error('Given up on: it goes to the dead-letter queue.', {
        ...facts,
        code: outcome.verdict.code,
        reason: outcome.verdict.message,
        ...(outcome.error?.stack === undefined ? {} : { stack: outcome.error.stack }),
      });
      break;
    case 'waiting':
      add('Waited', 1);
      if (UNREACHABLE.has(outcome.why)) add('Unreachable', 1);
      logger[NEEDS_A_LOOK.has(outcome.why) ? 'warn' : 'info']('The message waits.', {
        ...facts,
        why: outcome.why,
        until: new Date(outcome.untilMs).toISOString(),
        ...(outcome.error ? { code: outcome.error.code, reason: outcome.error.message } : {}),
      });
      break;
  }
}

/** A message whose receives or days ran out before its job was decided was sent again. */
export function reportRenewal(subject: Subject, { metrics, logger }: Runtime): void {
  metrics.addMetric('Renewed', MetricUnit.Count, 1);
  logger.warn('Renewed: its receives or its days on the queue ran out before its job was decided.', {
    ...subject,
  });
}

/** The age of every message received, and how long a first attempt had to wait for its start: what was sent again waited on purpose. */
export function reportAge({ sentAtMs }: Subject, firstReceive: boolean, { metrics, now }: Runtime): void {
  const ageMs = Math.max(0, now() - sentAtMs);
  metrics.addMetric('Age', MetricUnit.Seconds, ageMs / 1000);
  if (firstReceive) metrics.addMetric('WaitingTime', MetricUnit.Milliseconds, ageMs);
}

const UNREACHABLE: ReadonlySet<WaitReason> = new Set(['records-unreachable', 'end-not-recorded']);
const NEEDS_A_LOOK: ReadonlySet<WaitReason> = new Set([...UNREACHABLE, 'claim-lost']);
