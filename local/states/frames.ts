import type { Store } from '../kernel/store.ts';

/** What a state waits for. */
export type Work =
  | { readonly kind: 'wait'; readonly dueMs: number }
  /** For its next attempt. */
  | { readonly kind: 'backoff'; readonly dueMs: number }
  | TaskWork
  /** For the flows that it started. */
  | { readonly kind: 'children'; readonly concurrency: number };

export interface TaskWork {
  readonly kind: 'task';
  /** Of this attempt: what comes in under another id comes too late. */
  readonly id: string;
  /** `scheduled`: nobody was called yet. `called`: somebody may be at work. `submitted`: its token is out. */
  readonly phase: 'scheduled' | 'called' | 'submitted';
  readonly resource: string;
  readonly parameters: unknown;
  readonly token?: string;
  readonly timeoutMs?: number;
  readonly heartbeatSeconds?: number;
  readonly heartbeatMs?: number;
}

/**
 * A flow that runs: the machine's own, a branch of a Parallel state, or one iteration of a Map state. All that it needs to go
 * on is here, so that a restart and a redrive can.
 */
export interface Frame {
  readonly id: number;
  readonly parent?: number;
  /** Which branch or iteration. */
  readonly index: number;
  /** As {@link flowAt} wants it. */
  readonly path: readonly (string | number)[];
  readonly item?: { readonly Index: number; readonly Value: unknown };
  status: 'waiting' | 'running' | 'succeeded' | 'failed' | 'aborted';
  state: string;
  /** Whether the state has been entered, or is about to be. */
  entered: boolean;
  enteredAt: string;
  /** Of the current state, as it came in. */
  input: unknown;
  variables: Readonly<Record<string, unknown>>;
  /** Attempts of the current state that each of its retriers started. */
  retries: readonly number[];
  work: Work | undefined;
  output?: unknown;
  /** The history event that the next one follows. */
  lastEvent: number;
}

/** The frames of executions that can go on: those that run, and those that can be redriven. */
export class FrameStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
    store.db.exec(
      `CREATE TABLE IF NOT EXISTS states_frames (
        execution TEXT NOT NULL, id INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (execution, id)
      ) STRICT, WITHOUT ROWID`,
    );
  }

  of(execution: string): Frame[] {
    return this.#store.db
      .prepare('SELECT data FROM states_frames WHERE execution = ? ORDER BY id')
      .all(execution)
      .map(({ data }) => JSON.parse(String(data)) as Frame);
  }

  put(execution: string, frame: Frame): void {
    this.#store.db
      .prepare('INSERT OR REPLACE INTO states_frames VALUES (?, ?, ?)')
      .run(execution, frame.id, JSON.stringify(frame));
  }

  delete(execution: string, id: number): void {
    this.#store.db.prepare('DELETE FROM states_frames WHERE execution = ? AND id = ?').run(execution, id);
  }

  deleteAll(execution: string): void {
    this.#store.db.prepare('DELETE FROM states_frames WHERE execution = ?').run(execution);
  }
}
