import { peekDeadLetters } from '../../shared/client/dead-letters.ts';
import { shown, time } from '../terminal.ts';
import { type Command, jobOf } from './command.ts';

export const deadCommand: Command = {
  takes: 'TYPE',
  count: 1,
  options: [],
  async run({ stage, sqs, lookup, terminal }, [type = '']) {
    const letters = await peekDeadLetters(jobOf(type), { sqs, stage, lookup });
    terminal.print(`${letters.length} dead letters of ${type} in stage "${stage}"`);
    for (const { messageId, sentAtMs, reason, job } of letters)
      terminal.print(
        `\n  ${job ? `${type}#${shown(job.key)} (id ${shown(job.id)})` : `message ${messageId}`}, sent ${time(sentAtMs)}\n    ${reason.code}: ${shown(reason.message, 1000)}`,
      );
    return 0;
  },
};
