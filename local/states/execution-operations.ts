import type { Operation } from '../kernel/json-protocol.ts';
import type { CloudContext } from '../kernel/service.ts';
import { validation } from './errors.ts';
import type { Execution } from './executions.ts';
import type { HistoryEvent } from './history.ts';
import { type Input, limitOf, only, startOf, text } from './input.ts';
import { redriveStatusOf } from './redrives.ts';
import type { StepFunctions } from './states.ts';

const STATUSES = ['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED', 'PENDING_REDRIVE'];

export function executionOperations(
  states: StepFunctions,
  { clock }: CloudContext,
): Readonly<Record<string, Operation>> {
  return {
    StartExecution(input: Input) {
      only(input, 'StartExecution', ['stateMachineArn', 'name', 'input', 'traceHeader']);
      const { arn, startMs } = states.startExecution(
        text(input, 'stateMachineArn'),
        (input.input as string | undefined) ?? '{}',
        (input.name as string | undefined) ?? undefined,
      );
      return { executionArn: arn, startDate: startMs / 1000 };
    },
    async StopExecution(input: Input) {
      const { error, cause } = input as { error?: string; cause?: string };
      const { stopMs = 0 } = await states.stopExecution(text(input, 'executionArn'), error, cause);
      return { stopDate: stopMs / 1000 };
    },
    async RedriveExecution(input: Input) {
      const { clientToken } = input as { clientToken?: string };
      const { redriveMs = 0 } = await states.redriveExecution(text(input, 'executionArn'), clientToken);
      return { redriveDate: redriveMs / 1000 };
    },
    DescribeExecution: (input: Input) =>
      described(states.executions.get(text(input, 'executionArn')), clock.now()),
    ListExecutions(input: Input) {
      const { statusFilter: status, redriveFilter } = input as {
        statusFilter?: string;
        redriveFilter?: string;
      };
      const { arn } = states.machines.get(text(input, 'stateMachineArn'));
      if (status !== undefined && !STATUSES.includes(status))
        throw validation(`statusFilter is ${status}; give one of ${STATUSES.join(', ')}.`);
      const [offset, limit] = [startOf(input), limitOf(input, 100)];
      const redriven = redriveFilter === undefined ? undefined : redriveFilter === 'REDRIVEN';
      const found = states.executions.list({ machineArn: arn, status, redriven, offset, limit: limit + 1 });
      return {
        executions: found.slice(0, limit).map(listed),
        ...(found.length > limit && { nextToken: String(offset + limit) }),
      };
    },
    GetExecutionHistory(input: Input) {
      const { arn } = states.executions.get(text(input, 'executionArn'));
      const limit = limitOf(input, 100);
      const found = states.history.page(arn, {
        after: startOf(input),
        limit: limit + 1,
        reverse: input.reverseOrder === true,
      });
      const page = found.slice(0, limit);
      return {
        events: page.map((event) => told(event, input.includeExecutionData !== false)),
        ...(found.length > limit && { nextToken: String(page.at(-1)?.id) }),
      };
    },
  };
}

function listed({
  arn,
  machineArn,
  name,
  status,
  startMs,
  stopMs,
  redriveCount,
  redriveMs,
}: Execution): object {
  return {
    executionArn: arn,
    stateMachineArn: machineArn,
    name,
    status,
    startDate: startMs / 1000,
    ...(stopMs !== undefined && { stopDate: stopMs / 1000 }),
    redriveCount,
    ...(redriveMs !== undefined && { redriveDate: redriveMs / 1000 }),
  };
}

function described(execution: Execution, nowMs: number): object {
  const { input, output, error, cause } = execution;
  return {
    ...listed(execution),
    input,
    inputDetails: { included: true },
    ...(output !== undefined && { output, outputDetails: { included: true } }),
    ...(error !== undefined && { error }),
    ...(cause !== undefined && { cause }),
    ...redriveStatusOf(execution, nowMs),
  };
}

const DATA = ['input', 'output', 'parameters'];

function told({ id, previousId, atMs, type, details }: HistoryEvent, withData: boolean): object {
  const [member, value = {}] = details ?? [];
  const shown = Object.entries(value).filter(([name]) => withData || !DATA.includes(name));
  return {
    timestamp: atMs / 1000,
    type,
    id,
    previousEventId: previousId,
    ...(member !== undefined && { [member]: Object.fromEntries(shown) }),
  };
}
