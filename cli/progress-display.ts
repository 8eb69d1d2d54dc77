import { progressLine, type QueueProgress } from './progress.ts';

const TERMINAL_EVERY_MS = 250;
/** A file or a pipe keeps every line: fewer of them. */
const LOG_EVERY_MS = 2000;

/** Where it writes: `process.stdout` is one. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

/**
 * Shows the progress of all queues, a line each, whenever it has changed: on a terminal in place of what was shown before,
 * elsewhere below it.
 */
export class ProgressDisplay {
  readonly #queues: () => readonly QueueProgress[];
  readonly #output: ProgressOutput;
  readonly #ticker: NodeJS.Timeout;
  #shown = '';
  /** Rows of the terminal that hold what was shown last; 0 where something else was written below it. */
  #rows = 0;

  constructor(queues: () => readonly QueueProgress[], output: ProgressOutput) {
    this.#queues = queues;
    this.#output = output;
    this.#ticker = setInterval(() => this.show(), output.isTTY ? TERMINAL_EVERY_MS : LOG_EVERY_MS);
  }

  show(): void {
    const lines = this.#queues().map(progressLine);
    const text = `${lines.join('\n')}\n`;
    if (text === this.#shown) return;
    this.#write(this.#output.isTTY ? text : `${text}\n`);
    this.#shown = text;
    this.#rows = this.#output.isTTY ? rowsOf(lines, this.#output.columns) : 0;
  }

  /** Writes a line that stays, above the progress. */
  tell(news: string): void {
    this.#write(`  * ${news}\n`);
    this.#shown = '';
  }

  /** Shows the last state, and no more. */
  close(): void {
    clearInterval(this.#ticker);
    this.show();
  }

  #write(text: string): void {
    // Up to where the old lines begin, and clear all below.
    this.#output.write(this.#rows === 0 ? text : `\x1b[${this.#rows}A\x1b[J${text}`);
    this.#rows = 0;
  }
}

/** A terminal that does not tell its width says 0, or nothing. */
function rowsOf(lines: readonly string[], columns: number | undefined): number {
  const width = columns || Number.POSITIVE_INFINITY;
  return lines.reduce((rows, { length }) => rows + Math.max(1, Math.ceil(length / width)), 0);
}
