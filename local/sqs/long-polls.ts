import type { Clock, Timer } from '../kernel/clock.ts';
import type { Delivery, Messages } from './messages.ts';
import type { Queue } from './queue.ts';

export interface ReceiveRequest {
  readonly maxMessages: number;
  readonly visibilitySeconds: number;
  readonly waitSeconds: number;
  /** Aborted when nobody waits for the answer any more: then no message is handed out. */
  readonly signal?: AbortSignal | undefined;
}

interface Waiter {
  readonly request: ReceiveRequest;
  settle(deliveries: Delivery[]): void;
}

interface WaitingLine {
  readonly queue: Queue;
  readonly waiters: Set<Waiter>;
  /** Set for the next time at which a hidden message becomes visible. */
  alarm: Timer | undefined;
  serving: boolean;
}

/**
 * Receives that wait for messages. They are woken when a message is sent or shown again, by one timer a queue for the
 * next hidden message, and by their own deadline; a queue on which nobody waits has no timer.
 */
export class LongPolls {
  readonly #clock: Clock;
  readonly #messages: Messages;
  readonly #lines = new Map<number, WaitingLine>();

  constructor(clock: Clock, messages: Messages) {
    this.#clock = clock;
    this.#messages = messages;
  }

  async receive(queue: Queue, request: ReceiveRequest): Promise<Delivery[]> {
    if (request.signal?.aborted) return [];
    const line = this.#lines.get(queue.id);
    // Whoever waited before is served before.
    if (line !== undefined && line.waiters.size > 0 && request.waitSeconds > 0) this.#serve(line);
    const found = this.#messages.receive(queue, request.maxMessages, request.visibilitySeconds);
    if (found.length > 0 || request.waitSeconds === 0) return found;
    return new Promise((resolve) => this.#wait(queue, request, resolve));
  }

  /** Serves the waiters of a queue soon; several calls in a row make one round. */
  wake(queue: Queue): void {
    const line = this.#lines.get(queue.id);
    if (line === undefined || line.serving) return;
    line.serving = true;
    queueMicrotask(() => {
      line.serving = false;
      this.#serve(line);
    });
  }

  /** Answers every waiter of a queue that is deleted, or of all queues, with nothing. */
  release(queue?: Queue): void {
    for (const line of [...this.#lines.values()]) {
      if (queue !== undefined && line.queue !== queue) continue;
      for (const waiter of [...line.waiters]) waiter.settle([]);
    }
  }

  #wait(queue: Queue, request: ReceiveRequest, resolve: (deliveries: Delivery[]) => void): void {
    const line = this.#lines.get(queue.id) ?? {
      queue,
      waiters: new Set(),
      alarm: undefined,
      serving: false,
    };
    this.#lines.set(queue.id, line);
    const leave = () => waiter.settle([]);
    const deadline = this.#clock.after(request.waitSeconds * 1000, leave);
    const waiter: Waiter = {
      request,
      settle: (deliveries) => {
        deadline.cancel();
        request.signal?.removeEventListener('abort', leave);
        line.waiters.delete(waiter);
        if (line.waiters.size === 0) this.#close(line);
        resolve(deliveries);
      },
    };
    request.signal?.addEventListener('abort', leave, { once: true });
    line.waiters.add(waiter);
    if (line.alarm === undefined) this.#setAlarm(line);
  }

  #serve(line: WaitingLine): void {
    for (const waiter of [...line.waiters]) {
      const { maxMessages, visibilitySeconds } = waiter.request;
      const found = this.#messages.receive(line.queue, maxMessages, visibilitySeconds);
      if (found.length === 0) break;
      waiter.settle(found);
    }
    if (line.waiters.size > 0) this.#setAlarm(line);
  }

  #setAlarm(line: WaitingLine): void {
    line.alarm?.cancel();
    const { visible } = line.queue.tally;
    const nextMs = this.#messages.nextVisibleMs(line.queue);
    // Time goes on between the receive that found nothing and this look, which may itself have shown a message.
    if (line.queue.tally.visible > visible) this.wake(line.queue);
    line.alarm =
      nextMs === undefined
        ? undefined
        : this.#clock.after(nextMs - this.#clock.now(), () => {
            line.alarm = undefined;
            this.#serve(line);
          });
  }

  #close(line: WaitingLine): void {
    line.alarm?.cancel();
    line.alarm = undefined;
    this.#lines.delete(line.queue.id);
  }
}
