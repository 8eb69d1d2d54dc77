import { shown } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a span of time such as `30m`.
 *
 * @param what the option says: "how long ago"
 * @throws UsageError
 */
export function spanMs(option: string, text: string, what: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? [];
  if (number === undefined)
    throw new UsageError(`--${option} is "${shown(text)}"; give ${what}, as in 90s, 30m, 2h or 7d.`);
  return Number(number) * UNITS_MS[unit as keyof typeof UNITS_MS];
}
