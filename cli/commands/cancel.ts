import { type Cancellation, cancelJob } from '../../shared/client/cancel.ts';
import { statusOf } from '../../shared/client/job-status.ts';
import type { JobRecord } from '../../shared/jobs/record.ts';
import { sentenceOf } from '../sentences.ts';
import { confirmed, shown } from '../terminal.ts';
import {
  type Command,
  type CommandContext,
  jobOf,
  recordById,
  refuseUnknownType,
  targetLine,
  typeAndKey,
} from './command.ts';

export const cancelCommand: Command = {
  takes: 'TYPE#KEY or ID',
  count: 1,
  options: ['yes'],
  async run(context, [subject = '']) {
    const { terminal, dynamo, sfn, stage, now, lookup, yes } = context;
    const reference = typeAndKey(subject) ?? (await byId(subject, context));
    if (!reference) return 1;
    const { type, key } = reference;
    const job = jobOf(type);
    terminal.print(await targetLine(context));
    terminal.print(`cancels ${type}#${shown(key)}: ${found(await lookup.byKey(type, key), now())}`);
    if (!(await confirmed(terminal, yes))) return 1;
    const cancellation = await cancelJob(job, key, { dynamo, stage, now, sfn });
    terminal.print(answerOf(cancellation));
    return cancellation.outcome === 'too-late' ? 1 : 0;
  },
};

async function byId(
  jobId: string,
  context: CommandContext,
): Promise<{ type: string; key: string } | undefined> {
  const record = await recordById(jobId, context);
  const reference = record && typeAndKey(record.pk);
  if (reference) return reference;
  if (record) {
    context.terminal.print(
      `"${shown(jobId)}" is the id of ${shown(record.pk)}, whose type is none of those that there are here, so nothing was cancelled.`,
    );
    return undefined;
  }
  refuseUnknownType(jobId);
  context.terminal.print(
    `Stage "${context.stage}" has no record of "${shown(jobId)}", so nothing was cancelled: an id is known from its job's first attempt on. Cancel it as TYPE#KEY, which works before that, too.`,
  );
  return undefined;
}

function found(record: JobRecord | undefined, nowMs: number): string {
  if (record) return `it is ${sentenceOf(statusOf(record, nowMs))}`;
  return 'it has no record, so no attempt of it has begun. If this is its key, no message of it will ever run';
}

function answerOf(cancellation: Cancellation): string {
  switch (cancellation.outcome) {
    case 'before-it-ran':
      return 'Cancelled before it ran: its message will be deleted when it comes.';
    case 'waits':
      return 'The cancellation is recorded: the job ends as cancelled when its message comes next, or as a dead letter where one of its steps is uncertain.';
    case 'runs':
      return cancellation.aborts
        ? 'The cancellation is recorded: the running attempt is told to stop within seconds. If it completes the job before, that stands.'
        : 'The cancellation is recorded: the running attempt ends first, since its contract is not "cancellable". If it completes the job, that stands; otherwise there is no other attempt.';
    case 'stopped':
      return 'The cancellation is recorded, and its execution was stopped: it ends as cancelled within seconds, or as a dead letter where a step of it is uncertain. If the execution had completed the job before, that stands.';
    case 'already-cancelled':
      return `It was cancelled before: ${sentenceOf(cancellation.was)}.`;
    case 'too-late':
      return `Too late, nothing was changed: it is ${sentenceOf(cancellation.was)}.${
        cancellation.was.state === 'dead-lettered'
          ? ' It runs again only if its dead letter is redriven.'
          : ''
      }`;
  }
}
