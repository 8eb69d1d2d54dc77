import { validation } from './errors.ts';

const AT = /^at\((\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\)$/;
const MINUTES = /^GMT(?:([+-])(\d\d):(\d\d))?$/;

/**
 * When a one-time schedule is due, in milliseconds since the epoch.
 *
 * @throws AwsError `ValidationException` for another expression, a date that no calendar has, an unknown time zone
 */
export function timeOf(expression: string, timezone: string): number {
  const [, ...fields] = AT.exec(expression) ?? [];
  if (fields.length === 0)
    throw validation(
      /^(rate|cron)\(/.test(expression)
        ? `The local cloud's EventBridge Scheduler knows one-time schedules, at(yyyy-mm-ddThh:mm:ss), and not ${expression}.`
        : `Invalid Schedule Expression ${expression}.`,
    );
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields.map(Number);
  const asUtcMs = Date.UTC(year, month - 1, day, hour, minute, second);
  // The Date of a 31st of June is a 1st of July.
  if (!expression.includes(new Date(asUtcMs).toISOString().slice(0, 19)))
    throw validation(`Invalid Schedule Expression ${expression}.`);
  // The zone's offset is known for a moment and not for a wall clock's time: the first guess is at most a day off.
  const guessMs = asUtcMs - offsetMs(asUtcMs, timezone);
  return asUtcMs - offsetMs(guessMs, timezone);
}

function offsetMs(atMs: number, timeZone: string): number {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' });
  } catch {
    throw validation(`Invalid Schedule Expression Timezone ${timeZone}.`);
  }
  const name = format.formatToParts(atMs).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign, hours, minutes] = MINUTES.exec(name) ?? [];
  const amountMs = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60_000;
  return sign === '-' ? -amountMs : amountMs;
}
