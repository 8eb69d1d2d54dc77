import { type DeadLetters, peekDeadLetters } from '../../shared/client/dead-letters.ts';
import { counted, shown, time } from '../terminal.ts';
import { type Command, jobOf } from './command.ts';

export const deadCommand: Command = {
  takes: 'TYPE',
  count: 1,
  options: ['all'],
  async run({ stage, sqs, lookup, terminal, all }, [type = '']) {
    const most = all ? { most: Number.POSITIVE_INFINITY } : {};
    const found = await peekDeadLetters(jobOf(type), { sqs, stage, lookup, ...most });
    terminal.print(`${numberOf(found, all)} of ${type} in stage "${stage}"`);
    for (const { messageId, sentAtMs, reason, job } of found.letters)
      terminal.print(
        `\n  ${job ? `${type}#${shown(job.key)} (id ${shown(job.id)})` : 'no job'}, message ${messageId}, sent ${time(sentAtMs)}\n    ${reason.code}: ${shown(reason.message, 1000)}`,
      );
    return 0;
  },
};

function numberOf({ letters, more, about }: DeadLetters, all: boolean): string {
  if (!more) return counted(letters.length, 'dead letter');
  const rest = all ? 'SQS shows no others now: look again' : '--all shows them';
  return `${letters.length} of about ${about} dead letters (${rest})`;
}
