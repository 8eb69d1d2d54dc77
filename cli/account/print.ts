import { JOB_TYPES } from '../../shared/jobs/registry.ts';
import type { FeedEntry } from '../feed.ts';
import type { Evidence } from './evidence.ts';
import type { Promised } from './promises.ts';

const SHOWN_BREACHES = 10;
const SHOWN_NAMES = 5;

/** The account of a run, for a person: what came in, what became of it, why jobs died, which promises held. */
export function accountText(
  accepted: readonly FeedEntry[],
  evidence: Evidence,
  promised: readonly Promised[],
): string {
  return [
    '',
    'Outcomes',
    ...outcomeRows(accepted, evidence),
    '',
    'Dead letters',
    ...deadLetterRows(evidence),
    ...resumedRows(evidence),
    '',
    'Promises',
    ...promised.flatMap(({ promise, checked, broken }) => [
      `  ${broken.length === 0 ? 'held  ' : 'BROKEN'}  ${promise} (${checked})`,
      ...broken.slice(0, SHOWN_BREACHES).map((breach) => `            ${breach}`),
      ...(broken.length > SHOWN_BREACHES ? [`            and ${broken.length - SHOWN_BREACHES} more`] : []),
    ]),
    '',
  ].join('\n');
}

function outcomeRows(accepted: readonly FeedEntry[], { records, deadLetters }: Evidence): string[] {
  const rows = JOB_TYPES.map((type) => {
    const jobs = [...records.values()].filter(({ pk }) => pk.startsWith(`${type}#`));
    const state = (wanted: string): number => jobs.filter(({ state }) => state === wanted).length;
    return [
      type,
      accepted.filter(({ job }) => job.type === type).length,
      jobs.length,
      state('completed'),
      state('dead'),
      state('expired') + state('cancelled'),
      (deadLetters.get(type) ?? []).filter(({ job }) => job === undefined).length,
      jobs.reduce((sum, { history = [] }) => sum + history.length, 0),
    ].map(String);
  });
  return table(
    [
      'type',
      'in the feed',
      'jobs begun',
      'completed',
      'dead',
      'expired or cancelled',
      'unreadable',
      'failed attempts',
    ],
    rows,
  );
}

function deadLetterRows({ deadLetters }: Evidence): string[] {
  const letters = [...deadLetters].flatMap(([type, found]) => found.map((letter) => ({ type, letter })));
  if (letters.length === 0) return ['  none'];
  const alike = Map.groupBy(
    letters,
    ({ type, letter: { reason } }) => `  ${type}: ${reason.code}: ${reason.message}`,
  );
  return [...alike].flatMap(([reason, group]) => {
    const names = [
      ...new Set(group.map(({ letter: { job, messageId } }) => job?.key ?? `message ${messageId}`)),
    ];
    const more = names.length > SHOWN_NAMES ? ` and ${names.length - SHOWN_NAMES} more` : '';
    return [reason, `      ${names.slice(0, SHOWN_NAMES).join(', ')}${more}`];
  });
}

function resumedRows({ resumed }: Evidence): string[] {
  if (resumed.length === 0) return [];
  return [
    '',
    'Resumed (runs of each stage before and after)',
    ...resumed.flatMap(({ pk, stages }) => [
      `  ${pk}`,
      `      ${stages
        .flat()
        .map(({ name, before, after }) => `${name} ${before} + ${after}`)
        .join(', ')}`,
    ]),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  return [head, ...rows].map(
    (row) =>
      `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ')}`,
  );
}
