import type { MetricDatum } from '../cloudwatch/index.ts';
import type { Execution } from './executions.ts';

const ENDED = {
  RUNNING: undefined,
  SUCCEEDED: 'ExecutionsSucceeded',
  FAILED: 'ExecutionsFailed',
  TIMED_OUT: 'ExecutionsTimedOut',
  ABORTED: 'ExecutionsAborted',
} as const;

/** A redrive is counted as one, and starts no execution. */
export function executionStarted(execution: Execution): MetricDatum {
  const { redriveCount, redriveMs, startMs } = execution;
  return redriveCount === 0
    ? datum(execution, 'ExecutionsStarted', 1, 'Count', startMs)
    : datum(execution, 'ExecutionsRedriven', 1, 'Count', redriveMs ?? startMs);
}

/** https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html */
export function executionEnded(execution: Execution): MetricDatum[] {
  const { status, stopMs = 0, startMs, redriveMs = startMs, redriveCount } = execution;
  const name = ENDED[status];
  if (name === undefined) return [];
  const names = redriveCount === 0 ? [name] : [name, `Redriven${name}`];
  return [
    ...names.map((each) => datum(execution, each, 1, 'Count', stopMs)),
    datum(execution, 'ExecutionTime', stopMs - redriveMs, 'Milliseconds', stopMs),
  ];
}

function datum(
  { machineArn }: Execution,
  metricName: string,
  value: number,
  unit: string,
  atMs: number,
): MetricDatum {
  return {
    namespace: 'AWS/States',
    metricName,
    dimensions: { StateMachineArn: machineArn },
    value,
    unit,
    atMs,
  };
}
