import { setTimeout as sleep } from 'node:timers/promises';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { DescribeExecutionCommand, paginateListExecutions, type SFNClient } from '@aws-sdk/client-sfn';
import { ENDS_SWEPT } from '../jobs/metrics.ts';
import { type EndRuntime, type ExecutionStatusDetail, recordEnd } from './execution-ended.ts';

/** Asks to look for ends that no event told of. */
export interface SweepRequest {
  readonly sweep: {
    readonly stateMachineArn: string;
    /** So long an execution takes at most: in seconds, of its contract. */
    readonly executionTimeoutSeconds: number;
    /** Executions that ended in so many seconds before now are looked at, but for the last five minutes. */
    readonly withinSeconds: number;
  };
}

/** What ended since then is left to its event, which may be on its way, or tried again after a failure. */
const LEFT_TO_EVENTS_SECONDS = 300;
/** An account has a quota for DescribeExecution that others need, too. https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
const PACE = { free: 100, pauseMs: 130 };
/** Left for the execution that is being looked at when the function's time runs out. */
const MARGIN_MS = 5000;
/** An execution may be noted as over a little after its time. */
const SLACK_MS = 60_000;

/**
 * Brings the jobs whose executions have ended, and which no event has told of, to the ends that their events would have. Step Functions tells
 * EventBridge with best effort: “in some rare cases an event might not be delivered”.
 * https://docs.aws.amazon.com/eventbridge/latest/ref/event-delivery-level.html
 *
 * @param remainingMs how long the function may still run
 * @throws when it could not look at all of them, or not record one: it is to be tried again, or told to a person
 */
export async function sweepEnds(
  { sweep }: SweepRequest,
  runtime: EndRuntime,
  remainingMs: () => number,
): Promise<void> {
  const { sfn, logger } = runtime;
  const failures: unknown[] = [];
  let [looked, swept] = [0, 0];
  let finished = true;
  for await (const executionArn of endedExecutions(sweep, runtime)) {
    finished = remainingMs() > MARGIN_MS;
    if (!finished) break;
    if (++looked > PACE.free) await sleep(PACE.pauseMs);
    try {
      if (!(await recordEnd(await detailOf(executionArn, sfn), runtime))) continue;
      swept++;
      logger.warn('An execution had ended, and no event has told of it.', { executionArn });
    } catch (error) {
      failures.push(error);
      logger.error('The end of an execution could not be recorded.', { executionArn, error: error as Error });
    }
  }
  if (swept > 0) {
    const metrics = new Metrics();
    metrics.addMetric(ENDS_SWEPT, MetricUnit.Count, swept);
    metrics.publishStoredMetrics();
  }
  if (failures.length > 0)
    throw new AggregateError(failures, `${failures.length} ends could not be recorded.`);
  if (!finished) throw new Error(`More executions have ended than could be looked at: ${looked} were.`);
}

/** What its event would have told. */
async function detailOf(executionArn: string, sfn: SFNClient): Promise<ExecutionStatusDetail> {
  const {
    status = 'RUNNING',
    input = null,
    output = null,
    error = null,
    cause = null,
    redriveCount = null,
  } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
  return { executionArn, status, input, output, error, cause, redriveCount };
}

/** The executions that ended within the time. They are listed by their starts, and a redriven one keeps its first. */
async function* endedExecutions(
  { stateMachineArn, executionTimeoutSeconds, withinSeconds }: SweepRequest['sweep'],
  { sfn, now }: EndRuntime,
): AsyncGenerator<string> {
  const fromMs = now() - withinSeconds * 1000;
  const toMs = now() - LEFT_TO_EVENTS_SECONDS * 1000;
  const earliestStartMs = fromMs - executionTimeoutSeconds * 1000 - SLACK_MS;
  for (const redriveFilter of ['NOT_REDRIVEN', 'REDRIVEN'] as const) {
    const pages = paginateListExecutions(
      { client: sfn },
      { stateMachineArn, redriveFilter, maxResults: 1000 },
    );
    for await (const { executions = [] } of pages) {
      for (const { executionArn = '', stopDate } of executions) {
        const endedMs = stopDate?.getTime() ?? Number.POSITIVE_INFINITY;
        if (endedMs >= fromMs && endedMs <= toMs) yield executionArn;
      }
      const lastStartMs = executions.at(-1)?.startDate?.getTime() ?? earliestStartMs;
      if (redriveFilter === 'NOT_REDRIVEN' && lastStartMs < earliestStartMs) break;
    }
  }
}
