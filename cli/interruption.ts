import { constants } from 'node:os';

/**
 * Listens for Ctrl-C and for SIGTERM. Each is heard once, so that a second one ends the process at once, as it does by default.
 *
 * @returns aborts with the name of the signal as its reason
 */
export function listenForInterruption(): AbortSignal {
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interruption.abort(name));
  return interruption.signal;
}

/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** What a shell reports of a program that a signal ended: 130 for SIGINT, 143 for SIGTERM. */
export function exitCodeOf({ reason }: AbortSignal): number {
  return 128 + constants.signals[reason as 'SIGINT' | 'SIGTERM'];
}
