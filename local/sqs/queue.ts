import type { QueueAttributes, QueueSettings } from './queue-attributes.ts';

/** A queue that is there. Its messages lie in the store; the tally says what they add up to without reading them. */
export interface Queue {
  readonly id: number;
  readonly name: string;
  readonly arn: string;
  readonly createdMs: number;
  attributes: QueueAttributes;
  settings: QueueSettings;
  tags: Readonly<Record<string, string>>;
  modifiedMs: number;
  purgedMs: number | undefined;
  tally: Tally;
}

export interface Tally {
  visible: number;
  inFlight: number;
  delayed: number;
  /** No message becomes visible before this. */
  nextVisibleMs: number;
  /** No message expires before this. */
  nextExpiryMs: number;
}

/** As of `nowMs`, not approximate. */
export interface QueueCounts {
  readonly visible: number;
  /** In flight: received, neither deleted nor visible again. */
  readonly notVisible: number;
  readonly delayed: number;
  /**
   * Seconds since the oldest message arrived, 0 without one: AWS's `ApproximateAgeOfOldestMessage`. Messages received three
   * times or more are left out, and in a dead-letter queue the time counts from the move, both as AWS documents it.
   */
  readonly oldestAgeSeconds: number;
  /** Seconds that the longest-waiting visible message has been visible, 0 without one. */
  readonly oldestVisibleAgeSeconds: number;
}
