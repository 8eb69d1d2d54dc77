import { discardDeadLetter, findDeadLetter } from '../../shared/client/dead-letters.ts';
import { confirmed, shown, time } from '../terminal.ts';
import { type Command, jobOf, targetLine } from './command.ts';

export const discardCommand: Command = {
  takes: 'TYPE and the MESSAGE that "dead" shows',
  count: 2,
  options: ['yes', 'all'],
  async run(context, [type = '', messageId = '']) {
    const { terminal, sqs, stage, lookup, yes, all } = context;
    const job = jobOf(type);
    terminal.print(await targetLine(context));
    const letter = await findDeadLetter(job, messageId, { sqs, stage, lookup });
    if (!letter) {
      terminal.print(absenceOf(type, messageId));
      return 1;
    }
    const { reason, sentAtMs, body, job: read } = letter;
    terminal.print(
      `deletes for good the dead letter ${messageId}${read ? ` of ${type}#${shown(read.key)}` : ''}, sent ${time(sentAtMs)}; nothing redrives it any more`,
    );
    terminal.print(`  ${reason.code}: ${shown(reason.message, 1000)}`);
    // It may be personal. What is deleted is nowhere else: whoever may need it after all asks for it.
    terminal.print(
      all
        ? `  ${shown(body, Number.POSITIVE_INFINITY)}`
        : `  its body of ${Buffer.byteLength(body)} bytes goes with it (--all shows it)`,
    );
    if (!(await confirmed(terminal, yes))) return 1;
    if (!(await discardDeadLetter(job, messageId, { sqs, stage }))) {
      terminal.print(absenceOf(type, messageId));
      return 1;
    }
    terminal.print('Deleted.');
    return 0;
  },
};

function absenceOf(type: string, messageId: string): string {
  return `There is no dead letter "${shown(messageId)}" of ${type}, or somebody else looks at it just now. Nothing was deleted.`;
}
