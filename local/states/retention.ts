import type { CloudContext } from '../kernel/service.ts';
import { KEPT_MS, REDRIVABLE_MS } from './executions.ts';
import type { RunStores } from './run.ts';

const EVERY_MS = 86_400_000;

/** Forgets what closed executions cannot go on by any more, and in the end the executions: the state would only grow otherwise. */
export class Retention {
  readonly #context: CloudContext;
  readonly #stores: RunStores;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor(context: CloudContext, stores: RunStores) {
    this.#context = context;
    this.#stores = stores;
  }

  /** Looks once a day (cloud time), however often it is called. */
  forgetOld(): void {
    const nowMs = this.#context.clock.now();
    if (nowMs < this.#lastMs + EVERY_MS) return;
    this.#lastMs = nowMs;
    const { executions, frames, history } = this.#stores;
    this.#context.store.transaction(() => {
      // To the last millisecond they can be redriven.
      for (const arn of executions.closedBefore(nowMs - REDRIVABLE_MS - 1)) frames.deleteAll(arn);
      for (const arn of executions.closedBefore(nowMs - KEPT_MS)) {
        history.deleteAll(arn);
        executions.delete(arn);
      }
    });
  }
}
