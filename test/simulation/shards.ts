import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { ShardTask, WorldReport } from './worlds.ts';

const SHARD = fileURLToPath(new URL('shard.ts', import.meta.url));

export interface ShardsOptions {
  readonly processes: number;
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly onReport?: (report: WorldReport) => void;
}

export interface ShardsResult {
  /** In the worlds' order. */
  readonly reports: readonly WorldReport[];
  /** Of all worlds' traces: the same for the same seed, however many processes share them. */
  readonly hash: string;
  /** Whether all rules held, and all processes lived to their end. */
  readonly ok: boolean;
}

/** Runs the worlds of a run in processes of their own. */
export async function runShards(
  task: Omit<ShardTask, 'first' | 'of'>,
  { processes, execArgv = [], env = {}, onReport }: ShardsOptions,
): Promise<ShardsResult> {
  const reports: WorldReport[] = [];
  const codes = await Promise.all(
    Array.from({ length: processes }, (_, first) => {
      const child = fork(SHARD, [JSON.stringify({ ...task, first, of: processes } satisfies ShardTask)], {
        // Much is made and thrown away soon: with more room for it less is looked through.
        execArgv: ['--max-semi-space-size=32', ...execArgv],
        env: { ...process.env, ...env },
      });
      child.on('message', (report: WorldReport) => {
        reports.push(report);
        onReport?.(report);
      });
      return new Promise<number | null>((resolve) => child.on('exit', resolve));
    }),
  );
  reports.sort((a, b) => a.place.index - b.place.index);
  const hash = createHash('sha256');
  for (const report of reports) hash.update(report.hash);
  return {
    reports,
    hash: hash.digest('hex'),
    ok:
      reports.length > 0 && codes.every((code) => code === 0) && reports.every(({ violation }) => !violation),
  };
}
