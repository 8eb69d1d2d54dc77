/** Up to so many different values are kept as they are; beyond, values within 1 % of each other count as one. */
const EXACT_VALUES_LIMIT = 256;
const LOG_OF_STEP = Math.log(1.02);

/**
 * What became known of one metric in one stretch of time: count, sum, least and greatest exactly, and the values for
 * percentiles in bounded memory (about 120 numbers a power of ten, however many were recorded).
 */
export class Distribution {
  sampleCount = 0;
  sum = 0;
  minimum = Number.POSITIVE_INFINITY;
  maximum = Number.NEGATIVE_INFINITY;
  /** Counts by value; `undefined` while all values are the same, or once a statistic set hid them. */
  #counts: Map<number, number> | undefined;
  #hidden = false;
  #rounded = false;

  add(value: number, count = 1): void {
    if (this.sampleCount > 0 && value !== this.minimum) this.#spread();
    this.#widen(count, value * count, value, value);
    this.#count(value, count);
  }

  /** Adds values of which only the summary is known; percentiles are unknown from then on, as on AWS. */
  addSummary(sampleCount: number, sum: number, minimum: number, maximum: number): void {
    if (sampleCount <= 0) return;
    this.#widen(sampleCount, sum, minimum, maximum);
    this.#hidden = true;
    this.#counts = undefined;
  }

  merge(other: Distribution): void {
    const { sampleCount, sum, minimum, maximum } = other;
    if (other.#hidden) this.addSummary(sampleCount, sum, minimum, maximum);
    else if (sampleCount > 0) {
      const sumBefore = this.sum;
      // A rounded value may lie beyond what was really recorded.
      for (const [value, count] of other.#values())
        this.add(Math.min(Math.max(value, minimum), maximum), count);
      this.#widen(0, sumBefore + sum - this.sum, minimum, maximum);
    }
  }

  /** `undefined` without a sample. */
  get average(): number | undefined {
    return this.sampleCount === 0 ? undefined : this.sum / this.sampleCount;
  }

  /** The value below or at which `percent` of the samples lie (nearest rank); `undefined` where that is not known. */
  percentile(percent: number): number | undefined {
    if (this.sampleCount === 0) return undefined;
    if (this.minimum === this.maximum) return this.minimum;
    if (this.#hidden) return undefined;
    const rank = Math.max(1, (percent / 100) * this.sampleCount);
    let seen = 0;
    for (const [value, count] of [...this.#values()].sort(([one], [other]) => one - other)) {
      seen += count;
      if (seen >= rank) return Math.min(Math.max(value, this.minimum), this.maximum);
    }
    return this.maximum;
  }

  #values(): Iterable<[number, number]> {
    return this.#counts ?? [[this.minimum, this.sampleCount]];
  }

  #widen(count: number, sum: number, minimum: number, maximum: number): void {
    this.sampleCount += count;
    this.sum += sum;
    this.minimum = Math.min(this.minimum, minimum);
    this.maximum = Math.max(this.maximum, maximum);
  }

  /** The second different value arrives: from here on, values are counted one by one. */
  #spread(): void {
    if (!this.#hidden) this.#counts ??= new Map([[this.minimum, this.sampleCount]]);
  }

  #count(value: number, count: number): void {
    if (!this.#counts) return;
    const key = this.#rounded ? rounded(value) : value;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
    if (this.#rounded || this.#counts.size <= EXACT_VALUES_LIMIT) return;
    this.#rounded = true;
    const exact = this.#counts;
    this.#counts = new Map();
    for (const [each, times] of exact) {
      const near = rounded(each);
      this.#counts.set(near, (this.#counts.get(near) ?? 0) + times);
    }
  }
}

function rounded(value: number): number {
  if (value === 0) return 0;
  const step = Math.round(Math.log(Math.abs(value)) / LOG_OF_STEP);
  return Math.sign(value) * Math.exp(step * LOG_OF_STEP);
}
