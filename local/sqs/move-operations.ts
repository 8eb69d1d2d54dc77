import type { Operation } from '../kernel/json-protocol.ts';
import { invalidValue } from './errors.ts';
import { handleOf, type MoveTask, type MoveTasks } from './move-tasks.ts';
import { Parameters } from './parameters.ts';

const MAX_LISTED_TASKS = 10;

/** The operations of a dead-letter queue redrive, as the console's button starts it. */
export function moveOperations(tasks: MoveTasks): Record<string, Operation> {
  return {
    StartMessageMoveTask(input) {
      const parameters = new Parameters(input, 'StartMessageMoveTask');
      const source = parameters.text('SourceArn');
      const destination = parameters.optionalText('DestinationArn');
      const perSecond = parameters.optionalInteger('MaxNumberOfMessagesPerSecond');
      parameters.done();
      return { TaskHandle: tasks.start(source, destination, perSecond) };
    },

    ListMessageMoveTasks(input) {
      const parameters = new Parameters(input, 'ListMessageMoveTasks');
      const source = parameters.text('SourceArn');
      const limit = parameters.optionalInteger('MaxResults') ?? 1;
      parameters.done();
      if (limit < 1 || limit > MAX_LISTED_TASKS)
        throw invalidValue('MaxResults', limit, `Must be between 1 and ${MAX_LISTED_TASKS}, if provided.`);
      return { Results: tasks.list(source, limit).map(asApiTask) };
    },

    CancelMessageMoveTask(input) {
      const parameters = new Parameters(input, 'CancelMessageMoveTask');
      const handle = parameters.text('TaskHandle');
      parameters.done();
      return { ApproximateNumberOfMessagesMoved: tasks.cancel(handle) };
    },
  };
}

function asApiTask(task: MoveTask): object {
  return {
    // Only a running task can be cancelled, so only it has a handle.
    TaskHandle: task.status === 'RUNNING' ? handleOf(task) : undefined,
    Status: task.status,
    SourceArn: task.sourceArn,
    DestinationArn: task.destinationArn ?? undefined,
    MaxNumberOfMessagesPerSecond: task.maxPerSecond ?? undefined,
    ApproximateNumberOfMessagesMoved: task.moved,
    ApproximateNumberOfMessagesToMove: task.toMove,
    FailureReason: task.failureReason ?? undefined,
    StartedTimestamp: task.startedMs,
  };
}
