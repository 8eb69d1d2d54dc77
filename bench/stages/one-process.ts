/**
 * An execution environment in a process of its own, so that its memory can be told from everybody else's: a thread of the local cloud has no
 * figure that holds what lies outside its heap. Loads a bundle and runs its handler once for each event that it is sent, as a warm environment does.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export interface RunAnswer {
  readonly answer?: unknown;
  readonly error?: string;
  /** The most that the process has held so far. */
  readonly peakBytes: number;
}

type Handler = (event: unknown, context: object) => Promise<unknown>;

const [, , bundle = ''] = process.argv;
const { handler } = createRequire(import.meta.url)(bundle) as { handler: Handler };
const FUNCTION_MS = 840_000;

/** The kernel's figure for this program alone: `maxRSS` begins with what the parent held when it forked. */
function peakBytes(): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

process.on('message', async (event) => {
  const endMs = Date.now() + FUNCTION_MS;
  const context = {
    awsRequestId: crypto.randomUUID(),
    functionName: 'bench',
    getRemainingTimeInMillis: () => endMs - Date.now(),
  };
  try {
    process.send?.({ answer: await handler(event, context), peakBytes: peakBytes() } satisfies RunAnswer);
  } catch (error) {
    process.send?.({ error: String(error), peakBytes: peakBytes() } satisfies RunAnswer);
  }
});
process.once('disconnect', () => process.exit());
process.send?.('ready');
