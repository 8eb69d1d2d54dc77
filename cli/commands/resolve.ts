import { statusOf } from '../../shared/client/job-status.ts';
import { findUncertainStep, type Resolution, resolveStep } from '../../shared/client/resolve-step.ts';
import { sentenceOf } from '../sentences.ts';
import { confirmed, shown, time } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { type Command, targetLine, typeAndKey } from './command.ts';

export const resolveCommand: Command = {
  takes: 'TYPE#KEY, STEP, and done or not-done',
  count: 3,
  options: ['yes', 'result'],
  async run(context, [subject = '', name = '', found = '']) {
    const { terminal, dynamo, stage, now, lookup, yes } = context;
    const reference = typeAndKey(subject);
    if (!reference) throw new UsageError(`"${shown(subject)}" is no TYPE#KEY of a job type that there is.`);
    const resolution = resolutionOf(found, context.result);
    const { type, key } = reference;
    const { record, step } = await findUncertainStep(type, key, name, { lookup, now });
    terminal.print(await targetLine(context));
    terminal.print(`${shown(record.pk)} is ${sentenceOf(statusOf(record, now()))}`);
    terminal.print(
      `resolves its step "${shown(name)}", begun ${time(step.begunAtMs)}, as ${
        resolution.found === 'done'
          ? `done${resolution.result === undefined ? ', without a result' : `, with the result ${shown(context.result ?? '')}`}: it will not run again`
          : 'certainly not done: it will run'
      }`,
    );
    if (!(await confirmed(terminal, yes))) return 1;
    await resolveStep(type, key, name, resolution, { dynamo, stage, now });
    terminal.print(
      record.state === 'dead'
        ? `Resolved. Redrive its dead letter to go on (npx honest-jobs redrive ${type}).`
        : "Resolved. The job's next attempt goes on with it.",
    );
    return 0;
  },
};

function resolutionOf(found: string, result: string | undefined): Resolution {
  if (found !== 'done' && found !== 'not-done')
    throw new UsageError(`"${shown(found)}" is neither done nor not-done.`);
  if (result === undefined) return { found };
  if (found === 'not-done') throw new UsageError('A step that was not done has no --result.');
  try {
    return { found, result: JSON.parse(result) };
  } catch {
    throw new UsageError(`--result is no JSON: a text is quoted twice, as in --result '"ch_123"'.`);
  }
}
