import { type JobStatus, statusOf } from '../shared/client/job-status.ts';
import type { FailedAttempt, JobRecord, StepRecord } from '../shared/jobs/record.ts';

/** One job's whole story in one screen: what is true now, its steps, and every attempt that failed. */
export function storyOf(record: JobRecord, steps: readonly StepRecord[], nowMs: number): string {
  return [
    `${record.pk}`,
    `  id        ${record.jobId}`,
    `  status    ${sentenceOf(statusOf(record, nowMs))}`,
    `  life      ${record.life}, attempt ${record.attempts}, begun ${time(record.startedAtMs)} by request ${record.requestId}`,
    ...(steps.length === 0 ? [] : ['', '  steps', ...steps.map(stepLine)]),
    ...(record.history?.length ? ['', '  failed attempts', ...record.history.map(attemptLine)] : []),
    '',
  ].join('\n');
}

function sentenceOf(status: JobStatus): string {
  switch (status.state) {
    case 'running':
      return `running since ${time(status.sinceMs)}, attempt ${status.attempt}; nobody else may before ${time(status.untilAtMostMs)}`;
    case 'crashed':
      return `attempt ${status.attempt}, begun ${time(status.startedAtMs)}, has ended without an outcome: its process died; the next receive goes on`;
    case 'backing-off':
      return `backing off until ${time(status.untilMs)}, after ${status.failedAttempts} failed attempts`;
    case 'due':
      return `due for its next attempt since ${time(status.sinceMs)}, after ${status.failedAttempts} failed attempts`;
    case 'deferred':
      return `deferred until ${time(status.untilMs)} (${status.deferrals} times in this life) because ${status.because}`;
    case 'expired':
      return `expired ${time(status.atMs)}: its expirytime came before its work was done`;
    case 'cancelled':
      return `cancelled ${time(status.atMs)}${status.pending ? '; it leaves its queue when its message is met next' : ''}`;
    case 'completed':
      return `completed ${time(status.atMs)}${status.result === undefined ? '' : `, result ${JSON.stringify(status.result)}`}`;
    case 'dead-lettered':
      return `dead-lettered ${time(status.atMs)} because ${status.code}: ${status.reason}`;
  }
}

function stepLine({ sk, state, begunAtMs, doneAtMs, result }: StepRecord): string {
  const name = sk.slice(sk.indexOf('#') + 1);
  if (state === 'done')
    return `    ${name}: done ${time(doneAtMs ?? begunAtMs)}${result === undefined ? '' : `, ${result}`}`;
  if (state === 'not-done') return `    ${name}: begun ${time(begunAtMs)}, certainly not done`;
  return `    ${name}: begun ${time(begunAtMs)}, and no certain outcome`;
}

function attemptLine({
  life,
  attempt,
  startedAtMs,
  endedAtMs,
  code,
  message,
  delaySeconds,
  requestId,
}: FailedAttempt): string {
  const took = endedAtMs === undefined ? '' : `, took ${((endedAtMs - startedAtMs) / 1000).toFixed(1)} s`;
  const next = delaySeconds === undefined ? '' : `, next in ${delaySeconds} s`;
  return `    life ${life}, attempt ${attempt}: ${time(startedAtMs)}${took}, request ${requestId}${next}\n      ${code}: ${message}`;
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
