import { type Execution, REDRIVABLE_MS } from './executions.ts';
import { EVENTS_LIMIT } from './history.ts';

export interface RedriveStatus {
  readonly redriveStatus: 'REDRIVABLE' | 'NOT_REDRIVABLE';
  readonly redriveStatusReason?: string;
}

/** https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html */
export function redriveStatusOf({ status, stopMs = 0, nextEvent }: Execution, nowMs: number): RedriveStatus {
  const reason =
    status === 'RUNNING' || status === 'SUCCEEDED'
      ? `Execution is ${status} and cannot be redriven`
      : nextEvent >= EVENTS_LIMIT
        ? 'Execution history event limit exceeded'
        : nowMs > stopMs + REDRIVABLE_MS
          ? 'Execution redrivable period exceeded'
          : undefined;
  return reason === undefined
    ? { redriveStatus: 'REDRIVABLE' }
    : { redriveStatus: 'NOT_REDRIVABLE', redriveStatusReason: reason };
}
