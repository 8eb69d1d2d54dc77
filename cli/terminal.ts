import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { UsageError } from './usage-error.ts';

/** Where a command prints, and whom it may ask. */
export interface Terminal {
  /** Whether a person sits there. */
  readonly interactive: boolean;
  print(text: string): void;
  ask(question: string): Promise<string>;
}

export const processTerminal: Terminal = {
  interactive: process.stdin.isTTY === true && process.stdout.isTTY === true,
  print: (text) => void process.stdout.write(`${text}\n`),
  ask: async (question) => {
    const lines = createInterface({ input: process.stdin, output: process.stdout });
    try {
      // Ctrl-D and Ctrl-C close it without an answer, and are none.
      const unanswered = once(lines, 'close').then(() => '');
      return await Promise.race([lines.question(question).catch(() => ''), unanswered]);
    } finally {
      lines.close();
    }
  },
};

/**
 * Asks before something is changed. `yes` has answered already.
 *
 * @throws UsageError where nobody can be asked
 */
export async function confirmed(terminal: Terminal, yes: boolean): Promise<boolean> {
  if (yes) return true;
  if (!terminal.interactive)
    throw new UsageError(
      'Nothing was changed: there is no terminal to ask at. Repeat the command with --yes if this is what you want.',
    );
  const answer = await terminal.ask('Go on? (y/N) ');
  if (/^y(es)?$/i.test(answer.trim())) return true;
  terminal.print('Nothing was changed.');
  return false;
}

/**
 * A text that others wrote, safe to print: on one line, without control characters (a terminal obeys them), cut at `most` characters with the
 * number of those left out.
 */
export function shown(text: string, most = 300): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length <= most ? line : `${line.slice(0, most)}… (${line.length - most} more characters)`;
}

export function time(ms: number): string {
  return new Date(ms).toISOString();
}

/** `1 dead letter`, `2 dead letters`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function duration(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}
