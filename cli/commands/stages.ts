import { statusOf } from '../../shared/client/job-status.ts';
import {
  findResumption,
  findResumptions,
  NotResumable,
  type Resumption,
  resume,
} from '../../shared/client/resume.ts';
import { stateMachineArn } from '../../shared/client/target.ts';
import { isStaged } from '../../shared/jobs/staged-job.ts';
import { sentenceOf } from '../sentences.ts';
import { confirmed, counted, shown, time } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import {
  type Command,
  type CommandContext,
  jobOf,
  recordById,
  refuseUnknownType,
  targetLine,
  typeAndKey,
} from './command.ts';
import { spanMs } from './span-option.ts';

const DEFAULT_RATE = '5';
const HIGHEST_RATE = 100;
/** Of those that are left out, so many are told. */
const MOST_TOLD = 5;

export const stagesCommand: Command = {
  takes: 'resume and TYPE#KEY, ID or TYPE',
  count: 2,
  options: ['yes', 'since', 'until', 'rate'],
  async run(context, [verb = '', subject = '']) {
    if (verb !== 'resume') throw new UsageError(`"stages" knows "resume", not "${shown(verb)}".`);
    const { since, until, rate } = context;
    if (since !== undefined) return resumeAll(context, subject, since);
    if (until !== undefined || rate !== undefined)
      throw new UsageError('--until and --rate are for all of a type: give --since, too.');
    return resumeOne(context, subject);
  },
};

async function resumeOne(context: CommandContext, subject: string): Promise<number> {
  const { terminal, lookup, now, stage, yes } = context;
  const reference = typeAndKey(subject);
  const record = await (reference
    ? lookup.byKey(reference.type, reference.key)
    : recordById(subject, context));
  if (!record) {
    if (!reference) refuseUnknownType(subject);
    terminal.print(
      `Stage "${stage}" has no record of "${shown(subject)}"; all of a type that failed are resumed by TYPE and --since.`,
    );
    return 1;
  }
  const resumption = await findResumption(record, now(), context);
  terminal.print(await targetLine(context));
  terminal.print(`resumes ${shown(record.pk)}: it is ${sentenceOf(statusOf(record, now()))}`);
  terminal.print(
    resumption.by === 'same-execution'
      ? 'its execution goes on at the stage that failed; finished stages are not run again'
      : `a new execution is started, which skips the finished stages: Step Functions can no longer resume the old one${because(resumption)}`,
  );
  if (!(await confirmed(terminal, yes))) return 1;
  await resume(resumption, context);
  terminal.print(
    `Sent: it begins a new life with the next receive (npx honest-jobs status '${shown(record.pk)}'). Its letter stays in the dead-letter queue; once the job has completed, redriving it changes nothing but takes it away.`,
  );
  return 0;
}

async function resumeAll(context: CommandContext, type: string, since: string): Promise<number> {
  const { terminal, dynamo, stage, now, yes } = context;
  if (!isStaged(jobOf(type)))
    throw new UsageError(
      `"${type}" has no stages: its dead letters are redriven (npx honest-jobs redrive ${type}).`,
    );
  const sinceMs = agoMs('since', since);
  const untilMs = context.until === undefined ? undefined : agoMs('until', context.until);
  if (untilMs !== undefined && untilMs >= sinceMs)
    throw new UsageError('--until is as long ago as --since, or longer.');
  const rate = rateOf(context.rate ?? DEFAULT_RATE);
  terminal.print(await targetLine(context));
  const window = {
    fromMs: now() - sinceMs,
    toMs: untilMs === undefined ? Number.POSITIVE_INFINITY : now() - untilMs,
  };
  const machine = await stateMachineArn(dynamo, stage, type);
  const { resumptions, leftOut } = await findResumptions(machine, window, context);
  terminal.print(
    `resumes ${counted(resumptions.length, 'job')} of ${type} whose executions failed from ${time(window.fromMs)} to ${untilMs === undefined ? 'now' : time(window.toMs)}, ${rate} a second`,
  );
  for (const line of [...errorLines(resumptions), ...leftOutLines(leftOut)]) terminal.print(line);
  if (resumptions.length === 0) return 0;
  if (!(await confirmed(terminal, yes))) return 1;
  return sendAll(context, resumptions, rate);
}

/** Executions by their error, and how they will go on. */
function errorLines(resumptions: readonly Resumption[]): string[] {
  const byError = [
    ...Map.groupBy(
      resumptions,
      ({ record, error }) => `${record.verdict?.code}${error === undefined ? '' : `, ${error}`}`,
    ),
  ].sort(([, a], [, b]) => b.length - a.length);
  const anew = resumptions.filter(({ by }) => by === 'new-execution');
  const [first] = anew;
  return [
    ...byError.map(
      ([error, ones]) =>
        `  ${String(ones.length).padStart(5)}  ${shown(error)}: ${shown(ones[0]?.record.verdict?.message ?? '', 120)}`,
    ),
    ...(resumptions.length > anew.length
      ? [`  ${resumptions.length - anew.length} go on in their executions, at the stage that failed`]
      : []),
    ...(first
      ? [
          `  ${anew.length} are started anew and skip the finished stages, since Step Functions can no longer resume them${because(first)}`,
        ]
      : []),
  ];
}

function leftOutLines(leftOut: readonly string[]): string[] {
  if (leftOut.length === 0) return [];
  const more = leftOut.length - MOST_TOLD;
  return [
    `  ${leftOut.length} others are left out:`,
    ...leftOut.slice(0, MOST_TOLD).map((why) => `    ${shown(why)}`),
    ...(more > 0 ? [`    and ${more} more`] : []),
  ];
}

/** One after the other, none sooner than its turn: a dependency that has just come back is not met by a storm. */
async function sendAll(
  context: CommandContext,
  resumptions: readonly Resumption[],
  rate: number,
): Promise<number> {
  const beganMs = performance.now();
  const failures: string[] = [];
  for (const [turn, resumption] of resumptions.entries()) {
    const waitMs = beganMs + (turn * 1000) / rate - performance.now();
    if (waitMs > 0) await new Promise((go) => setTimeout(go, waitMs));
    try {
      await resume(resumption, context);
    } catch (error) {
      if (!(error instanceof NotResumable)) {
        context.terminal.print(
          `Sent ${turn - failures.length} of ${resumptions.length}; the same command resumes the others.`,
        );
        throw error;
      }
      failures.push(error.message);
    }
  }
  context.terminal.print(
    `Sent ${resumptions.length - failures.length}: they begin new lives. Their letters stay in the dead-letter queue; once the jobs have completed, redriving them changes nothing but takes them away.`,
  );
  for (const line of leftOutLines(failures)) context.terminal.print(line);
  return failures.length === 0 ? 0 : 1;
}

function because({ because }: Resumption): string {
  return because === undefined ? '' : ` (${shown(because)})`;
}

function agoMs(option: string, text: string): number {
  return spanMs(option, text, 'how long ago');
}

function rateOf(text: string): number {
  const rate = Number(text);
  if (!(rate > 0 && rate <= HIGHEST_RATE))
    throw new UsageError(
      `--rate is "${shown(text)}"; give jobs a second, above 0 and at most ${HIGHEST_RATE}.`,
    );
  return rate;
}
