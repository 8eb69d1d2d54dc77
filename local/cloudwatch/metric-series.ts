import { Distribution } from './distribution.ts';

export const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * How far back the local cloud remembers: by the minute for a day (AWS: 15 days), then by the hour up to the 15 days that an
 * alarm can look back at most. So a metric that never pauses holds 1,800 buckets.
 */
const MINUTES_KEPT_MS = DAY_MS;
const HOURS_KEPT_MS = 15 * DAY_MS;

/** The data of one metric in one unit, by time. */
export class MetricSeries {
  readonly #minutes = new Map<number, Distribution>();
  readonly #hours = new Map<number, Distribution>();
  /** Start of the youngest minute that has data. */
  latestMs = Number.NEGATIVE_INFINITY;

  at(atMs: number, nowMs: number): Distribution {
    const minute = Math.floor(atMs / MINUTE_MS);
    const existing = this.#minutes.get(minute);
    if (existing) return existing;
    this.latestMs = Math.max(this.latestMs, minute * MINUTE_MS);
    if (atMs < nowMs - MINUTES_KEPT_MS) return bucket(this.#hours, Math.floor(atMs / HOUR_MS));
    this.#forget(nowMs);
    return bucket(this.#minutes, minute);
  }

  /**
   * Adds what lies in [fromMs, toMs) to `into`. Data that is kept by the hour only counts where the stretch is whole hours,
   * as on AWS a period has to be a multiple of what is kept.
   */
  read(fromMs: number, toMs: number, into: Distribution): void {
    addRange(this.#minutes, fromMs / MINUTE_MS, toMs / MINUTE_MS, into);
    if ((toMs - fromMs) % HOUR_MS === 0) addRange(this.#hours, fromMs / HOUR_MS, toMs / HOUR_MS, into);
  }

  /** Both maps grow at their young end, so the old lies in front. */
  #forget(nowMs: number): void {
    for (const [minute, distribution] of this.#minutes) {
      if (minute * MINUTE_MS >= nowMs - MINUTES_KEPT_MS) break;
      bucket(this.#hours, Math.floor((minute * MINUTE_MS) / HOUR_MS)).merge(distribution);
      this.#minutes.delete(minute);
    }
    for (const hour of this.#hours.keys()) {
      if (hour * HOUR_MS >= nowMs - HOURS_KEPT_MS) break;
      this.#hours.delete(hour);
    }
  }
}

/** Looks up each bucket of a short range, and each bucket that there is for a long one. */
function addRange(
  buckets: ReadonlyMap<number, Distribution>,
  from: number,
  to: number,
  into: Distribution,
): void {
  if (to - from > buckets.size) {
    for (const [key, found] of buckets) if (key >= from && key < to) into.merge(found);
    return;
  }
  for (let key = Math.ceil(from); key < to; key++) {
    const found = buckets.get(key);
    if (found) into.merge(found);
  }
}

function bucket(buckets: Map<number, Distribution>, key: number): Distribution {
  const existing = buckets.get(key);
  if (existing) return existing;
  const distribution = new Distribution();
  buckets.set(key, distribution);
  return distribution;
}
