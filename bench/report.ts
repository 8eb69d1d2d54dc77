import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** A quantity measured several times. */
export interface Measured {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function measured(values: readonly number[]): Measured {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (position: number): number => sorted[position] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    least: at(0),
    most: at(sorted.length - 1),
  };
}

/** `812 (790–830)`: the median, and what the rounds spread over. */
export function spread({ median, least, most }: Measured): string {
  return `${short(median)} (${short(least)}–${short(most)})`;
}

/** Three digits: more would claim what no round repeats. */
export function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** What the figures depend on, above all whether anything else was running. */
export function printMachine(): void {
  const [cpu] = cpus();
  console.log(
    `${availableParallelism()} cores (${cpu?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}, ${process.platform} ${process.arch}; load before: ${loadavg()[0]?.toFixed(2)}`,
  );
}

/** A table in Markdown, its columns aligned: it is read in a terminal and pasted into docs/benchmarks.md. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  console.log('');
  console.log(line(head));
  console.log(line(widths.map((width) => '-'.repeat(width))));
  for (const row of rows) console.log(line(row));
}
