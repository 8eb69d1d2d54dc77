import { JOB_TYPES } from '../../shared/jobs/registry.ts';
import { type Judged, judge } from '../checklist/items.ts';
import { JobTemplate } from '../checklist/job-template.ts';
import { DEPLOYED_APP, synthesize } from '../synth.ts';
import { type Command, jobOf } from './command.ts';

/** Something is missing: told from what went wrong. */
const MISSING = 6;

export const checklistCommand: Command = {
  takes: 'no argument',
  count: 0,
  options: [],
  async run({ stage, terminal }) {
    const { directory } = await synthesize(stage, DEPLOYED_APP, () =>
      terminal.print('Synthesizing the template; the next time it will be there.'),
    );
    const judged = JOB_TYPES.map((type) => ({
      type,
      items: judge(jobOf(type), new JobTemplate(directory, stage, type)),
    }));
    for (const { type, items } of judged) {
      terminal.print(`\n${type}, stage "${stage}"`);
      for (const [index, item] of items.entries())
        for (const line of linesOf(item, index)) terminal.print(line);
    }
    terminal.print('');
    for (const { type, items } of judged) terminal.print(summary(type, items));
    return judged.some(({ items }) => items.some(({ missing }) => missing.length > 0)) ? MISSING : 0;
  },
};

function linesOf({ item, template, contract, tests, missing }: Judged, index: number): string[] {
  return [
    `  ${String(index + 1).padStart(2)}  ${missing.length === 0 ? 'there  ' : 'MISSING'}  ${item}`,
    ...template.map((line) => `        template  ${line}`),
    ...contract.map((line) => `        contract  ${line}`),
    ...tests.map(({ file, title }) => `        test      ${file}: ${title}`),
    ...missing.map((line) => `        missing   ${line}`),
  ];
}

function summary(type: string, items: readonly Judged[]): string {
  const lacking = items.filter(({ missing }) => missing.length > 0).map(({ item }) => item);
  return `${type}: ${items.length - lacking.length} of ${items.length}${lacking.length > 0 ? `; not there yet: ${lacking.join(', ')}` : ''}`;
}
