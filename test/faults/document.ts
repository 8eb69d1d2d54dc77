import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const DOCUMENT = fileURLToPath(new URL('../../docs/failures.md', import.meta.url));
/** `npm run failures` sets it. */
const WRITES = process.env.WRITE_FAILURES === '1';

const begin = (section: string): string => `<!-- ${section}: written by npm run failures -->`;
const end = (section: string): string => `<!-- ${section}: end -->`;

/** Holds that a section of docs/failures.md says what the suite has seen; `npm run failures` writes it instead. */
export function expectDocumented(section: string, seen: string): void {
  const text = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, 'utf8') : '';
  const [before, rest] = splitAt(text, `${begin(section)}\n`);
  const [, after] = splitAt(rest, `\n${end(section)}`);
  const written = `${before}${begin(section)}\n\n${seen}\n\n${end(section)}${after}`;
  if (WRITES) writeFileSync(DOCUMENT, written);
  else expect(written, 'the suite sees what docs/failures.md says; npm run failures writes it').toBe(text);
}

function splitAt(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`docs/failures.md has no line ${mark.trim()}.`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}

/** As Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
