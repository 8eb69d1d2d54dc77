import type { Lives } from '../shared/client/job-status.ts';
import type { JobReport } from '../shared/client/status.ts';
import { functionName } from '../shared/jobs/names.ts';
import type { FailedAttempt, JobRecord } from '../shared/jobs/record.ts';
import { sentenceOf, stepSentenceOf } from './sentences.ts';
import { stageLines } from './stage-lines.ts';
import { duration, shown, time } from './terminal.ts';

export interface StoryOptions {
  readonly stage: string;
  readonly nowMs: number;
  /** Leave nothing out, whatever the screen holds. */
  readonly all: boolean;
}

/** What one screen of 40 lines holds beside the rest. */
const MOST_ATTEMPTS = 4;
const MOST_STEPS = 6;
const MOST_FORMER_LIVES = 3;
const MOST_STACK_LINES = 5;

/** One job's whole story in one screen: what is true now, its lives, its steps, every attempt that failed, and where its log is. */
export function storyOf(
  { record, status, lives, stages, steps, jobId, duplicateOf }: JobReport,
  options: StoryOptions,
): string {
  const { all } = options;
  return [
    shown(record.pk),
    `  id        ${jobId === undefined ? 'not known: it was cancelled before its message was met' : shown(jobId)}`,
    ...(duplicateOf === undefined
      ? []
      : [`  duplicate the id asked for was a duplicate of ${shown(duplicateOf)}`]),
    `  status    ${sentenceOf(status)}`,
    // What ended before it ran has lived no life.
    ...(record.attempts === 0 && lives.life === 1 && !record.history ? [] : lifeLines(lives, all)),
    ...runLines(record, options),
    ...(stages ? stageLines(stages, { stage: options.stage, type: typeOf(record) }) : []),
    ...section(
      'steps',
      steps.map((step) => [`    ${shown(step.name)}: ${stepSentenceOf(step)}`]),
      MOST_STEPS,
      all,
    ),
    ...section('failed attempts', (record.history ?? []).map(attemptLines), MOST_ATTEMPTS, all),
    ...stackLines(record.history?.at(-1)?.stack, all),
    '',
  ].join('\n');
}

function lifeLines({ life, sinceMs, exact, former }: Lives, all: boolean): string[] {
  const told = all ? former : former.slice(-MOST_FORMER_LIVES);
  const left = former.length - told.length;
  return [
    `  life      ${life}, since ${time(sinceMs)}${exact ? '' : ' or earlier'}`,
    ...(left === 0 ? [] : [`            ${left} earlier ones left out (--all shows them)`]),
    ...told.map(
      ({ life, verdict }) =>
        `            life ${life} ended ${time(verdict.atMs)} because ${verdict.code}: ${shown(verdict.message, 150)}`,
    ),
  ];
}

function runLines(record: JobRecord, { stage, nowMs }: StoryOptions): string[] {
  const type = typeOf(record);
  const { attempts, hop = 0, executionArn, redriveCount = 0, deferrals = 0, cancelRequestedAtMs } = record;
  const facts = [
    `${attempts} begun in this life`,
    `hop ${hop}`,
    ...(deferrals === 0 ? [] : [`deferred ${deferrals} time${deferrals === 1 ? '' : 's'}`]),
    ...(record.crashed ? ['crashed before, so it runs alone'] : []),
  ];
  return [
    `  attempts  ${facts.join(', ')}`,
    ...(executionArn === undefined
      ? []
      : [
          `  execution ${shown(executionArn)}${redriveCount === 0 ? '' : `, redriven ${redriveCount === 1 ? 'once' : `${redriveCount} times`}`}`,
        ]),
    ...(record.state === 'completed' && cancelRequestedAtMs !== undefined
      ? [`  cancelled ${time(cancelRequestedAtMs)}, and completed all the same: its attempt ran already`]
      : []),
    ...(record.expiration * 1000 <= nowMs
      ? ['  forgotten its record is past its time: the next message of its key begins afresh']
      : []),
    ...(record.requestId === ''
      ? []
      : [
          `  log       group /aws/lambda/${functionName(stage, type)}, lines with "${shown(record.jobId)}"; last run ${time(record.startedAtMs)}, request ${record.requestId}`,
        ]),
  ];
}

/** The last ones, and the number of those left out. */
function section(
  title: string,
  entries: readonly (readonly string[])[],
  most: number,
  all: boolean,
): string[] {
  if (entries.length === 0) return [];
  const told = all ? entries : entries.slice(-most);
  const left = entries.length - told.length;
  return [
    '',
    `  ${title}${left === 0 ? '' : ` (the last ${most} of ${entries.length}; --all shows them)`}`,
    ...told.flat(),
  ];
}

function attemptLines(failed: FailedAttempt): string[] {
  const { life, attempt, startedAtMs, endedAtMs, code, message, delaySeconds, delayWhy, requestId } = failed;
  const end =
    endedAtMs === undefined
      ? ', end not seen'
      : ` to ${time(endedAtMs)} (${duration(endedAtMs - startedAtMs)})`;
  const next =
    delaySeconds === undefined
      ? []
      : [`      next after ${delaySeconds} s${delayWhy === undefined ? '' : ` (${shown(delayWhy)})`}`];
  return [
    `    life ${life}, attempt ${attempt}: ${time(startedAtMs)}${end}, request ${requestId}`,
    `      ${code}: ${shown(message, 200)}`,
    ...next,
  ];
}

function stackLines(stack: string | undefined, all: boolean): string[] {
  if (stack === undefined) return [];
  const lines = stack.split('\n').filter((line) => line.trim() !== '');
  const told = all ? lines : lines.slice(0, MOST_STACK_LINES);
  const left = lines.length - told.length;
  return [
    '',
    '  stack of the last',
    ...told.map((line) => `    ${shown(line, 160)}`),
    ...(left === 0 ? [] : [`    … ${left} more lines`]),
  ];
}

function typeOf({ pk }: JobRecord): string {
  return pk.slice(0, pk.indexOf('#'));
}
