import { type DeadLetter, peekDeadLetters } from '../../shared/client/dead-letters.ts';
import {
  deadLetterQueueOf,
  type Redrive,
  redriveProgress,
  startRedrive,
} from '../../shared/client/redrive.ts';
import { confirmed, shown } from '../terminal.ts';
import { type Command, jobOf, targetLine } from './command.ts';

const MOST_PEEKED = 100;
/** SQS moves 500 a second: most redrives are over by then, and nobody wants to watch the others. */
const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 500;

export const redriveCommand: Command = {
  takes: 'TYPE',
  count: 1,
  options: ['yes'],
  async run(context, [type = '']) {
    const { terminal, sqs, stage, lookup, yes } = context;
    const job = jobOf(type);
    terminal.print(await targetLine(context));
    const queue = await deadLetterQueueOf(type, { sqs, stage });
    const { letters } = await peekDeadLetters(job, { sqs, stage, lookup, most: MOST_PEEKED });
    const number = Math.max(queue.visible, letters.length);
    if (number === 0) {
      terminal.print(
        `No dead letter of ${type} can be redriven${queue.hidden > 0 ? `; ${queue.hidden} are hidden while somebody looks at them` : ''}.`,
      );
      return 0;
    }
    terminal.print(
      `redrives ${number === 1 ? 'the one dead letter' : `all ${number} dead letters`} of ${type}; each job begins a new life with fresh attempts`,
    );
    if (letters.length < number) terminal.print(`  reasons of ${letters.length} of them:`);
    for (const line of reasonLines(letters)) terminal.print(line);
    if (!(await confirmed(terminal, yes))) return 1;
    return report(context, queue, await startRedrive(queue, sqs));
  },
};

/** Reasons by their count, and what comes back unless somebody acts first. */
function reasonLines(letters: readonly DeadLetter[]): string[] {
  const byCode = [...Map.groupBy(letters, ({ reason }) => reason.code)].sort(
    ([, a], [, b]) => b.length - a.length,
  );
  const uncertain = letters.filter(({ reason }) => reason.uncertain !== undefined).length;
  return [
    ...byCode.map(
      ([code, ones]) =>
        `  ${String(ones.length).padStart(5)}  ${code}${isOneMessage(ones) ? '' : ', for one'}: ${shown(ones[0]?.reason.message ?? '', 120)}`,
    ),
    ...(uncertain === 0
      ? []
      : [
          `  ${uncertain} have an uncertain step: one that a person is to decide on, and that is not resolved before (npx honest-jobs resolve), becomes a dead letter again`,
        ]),
  ];
}

function isOneMessage(letters: readonly DeadLetter[]): boolean {
  return new Set(letters.map(({ reason }) => reason.message)).size === 1;
}

async function report(
  { terminal, sqs }: Parameters<Command['run']>[0],
  queue: { readonly arn: string },
  redrive: Redrive,
): Promise<number> {
  const untilMs = Date.now() + PATIENCE_MS;
  for (;;) {
    const progress = await redriveProgress(queue, redrive, sqs);
    if (progress && progress.state !== 'RUNNING') {
      const { state, moved, failure } = progress;
      terminal.print(`${state}: ${moved} moved${failure === undefined ? '' : `; ${shown(failure)}`}`);
      return state === 'COMPLETED' ? 0 : 1;
    }
    if (Date.now() > untilMs) {
      terminal.print(
        `It goes on (${progress?.moved ?? 0} moved so far): aws sqs list-message-move-tasks --source-arn ${queue.arn}`,
      );
      return 0;
    }
    await new Promise((resume) => setTimeout(resume, LOOK_EVERY_MS));
  }
}
