import type { JobStatus, StepStatus } from '../shared/client/job-status.ts';
import { shown, time } from './terminal.ts';

/** What is true of a job, in one sentence that follows "it is". */
export function sentenceOf(status: JobStatus): string {
  switch (status.state) {
    case 'running':
      return `running since ${time(status.sinceMs)}, attempt ${status.attempt}; nobody else may before ${time(status.untilAtMostMs)}${cancelled(status)}`;
    case 'crashed':
      return `crashed: attempt ${status.attempt}, begun ${time(status.startedAtMs)}, is over and left no outcome (its process died, or its end could not be written); the next receive goes on${cancelled(status)}`;
    case 'backing-off':
      return `backing off until ${time(status.untilMs)}, after ${attempts(status.failedAttempts)}`;
    case 'due':
      return `due for its next attempt since ${time(status.sinceMs)}, after ${attempts(status.failedAttempts)}`;
    case 'deferred':
      return `deferred until ${time(status.untilMs)} (${times(status.deferrals)} in this life) because ${shown(status.because)}`;
    case 'started':
      return `started ${time(status.sinceMs)}: its execution carries it${cancelled(status)}`;
    case 'expired':
      return `expired ${time(status.atMs)}: its expirytime came before its work was done`;
    case 'cancelled':
      return `cancelled ${time(status.atMs)}${status.pending ? '; pending: it leaves its queue when its message is met next' : ''}`;
    case 'completed':
      return `completed ${time(status.atMs)}${status.result === undefined ? '' : `, result ${shown(JSON.stringify(status.result))}`}`;
    case 'dead-lettered':
      return `dead-lettered ${time(status.atMs)} because ${status.code}: ${shown(status.reason, 1000)}`;
  }
}

export function stepSentenceOf(step: StepStatus): string {
  switch (step.state) {
    case 'done':
      return `done ${time(step.atMs)}${result(step)}`;
    case 'under-way':
      return `under way since ${time(step.sinceMs)}`;
    case 'uncertain':
      return `UNCERTAIN: begun ${time(step.sinceMs)}, and no certain outcome; its effect may have happened`;
    case 'repeatable':
      return `begun ${time(step.sinceMs)}; a stage, which runs again as a whole`;
    case 'not-done':
      return `begun ${time(step.begunAtMs)}, certainly not done`;
  }
}

function result({ result, resultObject }: { result?: string; resultObject?: string }): string {
  if (resultObject !== undefined)
    return `, result in S3: ${shown(resultObject)} in the bucket of the state stack (its output BucketName)`;
  return result === undefined ? '' : `, result ${shown(result)}`;
}

function cancelled({ cancelRequestedAtMs }: { cancelRequestedAtMs?: number }): string {
  return cancelRequestedAtMs === undefined ? '' : `; cancellation pending since ${time(cancelRequestedAtMs)}`;
}

function attempts(failed: number): string {
  return `${failed} failed attempt${failed === 1 ? '' : 's'}`;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
