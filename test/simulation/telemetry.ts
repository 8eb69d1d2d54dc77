import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';

/** Nobody reads it, and the children of a real one cost as much as a call to DynamoDB. */
class SilentLogger extends Logger {
  override createChild(): Logger {
    return this;
  }
}

export const LOGGER: Logger = new SilentLogger({ logLevel: 'SILENT' });

/** What the consumers report, counted instead of printed. */
export class CountedMetrics extends Metrics {
  readonly #count: (name: string) => void;

  constructor(count: (name: string) => void) {
    super({ namespace: 'simulation' });
    this.#count = count;
  }

  override addMetric(name: string): this {
    this.#count?.(name);
    return this;
  }

  override publishStoredMetrics(): this {
    return this;
  }
}
