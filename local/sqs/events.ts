/** Something that happened to a message, told after it is stored. */
export interface SqsEvent {
  /** `redriven` is the source's side of a message-move task; the destination tells `sent`. */
  readonly type:
    | 'sent'
    | 'received'
    | 'deleted'
    | 'moved-to-dlq'
    | 'visibility-changed'
    | 'expired'
    | 'redriven';
  /** The queue where it happened; for a move, the one that the message left. */
  readonly queueArn: string;
  readonly messageId: string;
  /** Receives so far, for `received` and `moved-to-dlq`. */
  readonly receiveCount?: number;
  /** Where a moved message went. */
  readonly targetArn?: string;
  /** Cloud time, milliseconds since the epoch. */
  readonly atMs: number;
}

export type SqsListener = (event: SqsEvent) => void;

export class SqsEvents {
  readonly #listeners = new Set<SqsListener>();

  observe(listener: SqsListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(events: readonly SqsEvent[]): void {
    if (this.#listeners.size === 0) return;
    for (const event of events) for (const listener of this.#listeners) listener(event);
  }
}
