import { hash } from 'node:crypto';
import { AwsError } from '../kernel/errors.ts';
import { invalidParameter, invalidValue } from './errors.ts';
import type { SqsEvent } from './events.ts';
import type { Ledger } from './ledger.ts';
import type { MessageContent, MessageTable, StoredMessage } from './message-table.ts';
import { DELAYED, IN_FLIGHT, VISIBLE } from './message-table.ts';
import type { Queue, QueueCounts } from './queue.ts';
import { MAX_VISIBILITY_SECONDS } from './queue-attributes.ts';
import type { Queues } from './queues.ts';
import { randomId } from './random-id.ts';
import { decodeReceipt, encodeReceipt } from './receipt-handle.ts';
import { allowsSource } from './redrive-policy.ts';

/** Received and not deleted, a queue: more are not handed out. */
export const IN_FLIGHT_LIMIT_MESSAGES = 120_000;

/** A message to be sent, checked. */
export interface Draft extends Omit<MessageContent, 'bodyMd5'> {
  readonly delaySeconds: number;
}

export interface Sent {
  readonly messageId: string;
  readonly bodyMd5: string;
}

/** A message as a receive leaves it, with the handle of that receive. */
export interface Delivery extends StoredMessage {
  readonly receiptHandle: string;
}

/**
 * What happens to messages: sent, received, hidden, moved, deleted, expired. Each call is one transaction.
 *
 * Nothing happens by itself: a message that became visible or expired is found so by the next look at its queue, so an
 * idle queue costs nothing.
 */
export class Messages {
  readonly #table: MessageTable;
  readonly #queues: Queues;
  readonly #ledger: Ledger;
  readonly #random: () => number;
  readonly #inFlightLimit: number;

  constructor(
    table: MessageTable,
    queues: Queues,
    ledger: Ledger,
    options: { readonly random: () => number; readonly inFlightLimitMessages: number },
  ) {
    this.#table = table;
    this.#queues = queues;
    this.#ledger = ledger;
    this.#random = options.random;
    this.#inFlightLimit = options.inFlightLimitMessages;
  }

  nowMs(): number {
    return this.#ledger.nowMs();
  }

  /** Makes one transaction of all calls that `work` makes. */
  together<Result>(work: () => Result): Result {
    return this.#ledger.write([], work);
  }

  send(queue: Queue, drafts: readonly Draft[]): Sent[] {
    const nowMs = this.nowMs();
    const sent = drafts.map(({ body }) => ({
      messageId: randomId(this.#random),
      bodyMd5: hash('md5', body),
    }));
    this.#ledger.write([queue], (events) => {
      drafts.forEach((draft, index) => {
        const { messageId, bodyMd5 } = sent[index] as Sent;
        this.#insertNew(queue, { ...draft, bodyMd5 }, messageId, draft.delaySeconds, nowMs);
        events.push({ type: 'sent', queueArn: queue.arn, messageId, atMs: nowMs });
      });
    });
    return sent;
  }

  /** Another copy of a stored message, as SQS's at-least-once delivery may hand out. @returns whether the message was there */
  duplicate(queue: Queue, messageId: string): boolean {
    const nowMs = this.nowMs();
    return this.#ledger.write([queue], () => {
      const copied = this.#table.copy(queue.id, messageId, nowMs);
      if (copied) {
        this.#ledger.entered(queue, VISIBLE, nowMs, nowMs);
        this.#ledger.wake(queue);
      }
      return copied;
    });
  }

  /** Delays a visible message, as late delivery does. @returns whether it was there */
  holdBack(queue: Queue, messageId: string, seconds: number): boolean {
    const visibleMs = this.nowMs() + seconds * 1000;
    return this.#ledger.write([queue], () => {
      const message = this.#table.visibleById(queue.id, messageId);
      if (message === undefined) return false;
      this.#table.setVisibility(message.seq, DELAYED, visibleMs);
      this.#ledger.left(queue, VISIBLE);
      this.#ledger.entered(queue, DELAYED, visibleMs, message.sentMs);
      return true;
    });
  }

  /** Whether a receive would now be refused for too many messages in flight. */
  isFull(queue: Queue): boolean {
    this.#ledger.settle(queue, this.nowMs());
    return queue.tally.inFlight >= this.#inFlightLimit;
  }

  /** Receives up to `limit` messages, and moves those received too often to the dead-letter queue. */
  receive(queue: Queue, limit: number, visibilitySeconds: number): Delivery[] {
    const nowMs = this.nowMs();
    this.#ledger.settle(queue, nowMs);
    if (queue.tally.visible === 0 || queue.tally.inFlight >= this.#inFlightLimit) return [];
    const deliveries: Delivery[] = [];
    const redrive = this.#redriveOf(queue);
    const room = Math.min(limit, this.#inFlightLimit - queue.tally.inFlight);
    this.#ledger.write(redrive === undefined ? [queue] : [queue, redrive.target], (events) => {
      const expiredMs = nowMs - queue.settings.retentionSeconds * 1000;
      while (deliveries.length < room) {
        const wanted = room - deliveries.length;
        const found = this.#table.nextVisible(queue.id, expiredMs, wanted);
        for (const message of found) {
          if (redrive !== undefined && message.receivesHere >= redrive.maxReceiveCount)
            events.push(this.#moveToDeadLetters(queue, redrive.target, message, nowMs));
          else deliveries.push(this.#deliver(queue, message, visibilitySeconds, nowMs, events));
        }
        if (found.length < wanted) break;
      }
    });
    return deliveries;
  }

  /** Deletes what the handles stand for; a handle that a later receive has replaced deletes nothing. */
  delete(queue: Queue, receiptHandles: readonly string[]): void {
    const receipts = receiptHandles.map((handle) => decodeReceipt(handle, queue.id));
    const nowMs = this.nowMs();
    this.#ledger.settle(queue, nowMs);
    this.#ledger.write([queue], (events) => {
      for (const { seq, receive } of receipts) {
        const removed = this.#table.removeByReceipt(seq, queue.id, receive);
        if (removed === undefined) continue;
        this.#ledger.left(queue, removed.state);
        events.push({ type: 'deleted', queueArn: queue.arn, messageId: removed.messageId, atMs: nowMs });
      }
    });
  }

  /** @throws AwsError `MessageNotInflight`, `ReceiptHandleIsInvalid`, `InvalidParameterValueException` */
  changeVisibility(queue: Queue, receiptHandle: string, seconds: number): void {
    const receipt = decodeReceipt(receiptHandle, queue.id);
    const nowMs = this.nowMs();
    this.#ledger.settle(queue, nowMs);
    const message = this.#table.bySeq(receipt.seq);
    if (message === undefined || message.queueId !== queue.id || message.receivesHere !== receipt.receive)
      throw invalidParameter(
        `Value ${receiptHandle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.`,
      );
    if (message.state !== IN_FLIGHT)
      throw new AwsError('MessageNotInflight', "The specified message isn't in flight.");
    const visibleMs = nowMs + seconds * 1000;
    if (visibleMs > (message.receivedMs ?? nowMs) + MAX_VISIBILITY_SECONDS * 1000)
      throw invalidValue(
        'VisibilityTimeout',
        seconds,
        `Total VisibilityTimeout for the message is beyond the limit [${MAX_VISIBILITY_SECONDS} seconds]`,
      );
    this.#ledger.write([queue], (events) => {
      const state = seconds === 0 ? VISIBLE : IN_FLIGHT;
      this.#table.setVisibility(message.seq, state, visibleMs);
      this.#ledger.left(queue, IN_FLIGHT);
      this.#ledger.entered(queue, state, visibleMs, message.sentMs);
      events.push({
        type: 'visibility-changed',
        queueArn: queue.arn,
        messageId: message.messageId,
        atMs: nowMs,
      });
    });
  }

  /** Sends a message on to `target` as a new one. @param record runs in the same transaction */
  redrive(source: Queue, target: Queue, message: StoredMessage, record: () => void): void {
    const nowMs = this.nowMs();
    const messageId = randomId(this.#random);
    this.#ledger.write([source, target], (events) => {
      record();
      this.#table.remove(message.seq);
      this.#ledger.left(source, message.state);
      this.#insertNew(target, message, messageId, target.settings.delaySeconds, nowMs);
      events.push(
        {
          type: 'redriven',
          queueArn: source.arn,
          messageId: message.messageId,
          targetArn: target.arn,
          atMs: nowMs,
        },
        { type: 'sent', queueArn: target.arn, messageId, atMs: nowMs },
      );
    });
  }

  /** Visible messages stored up to `seq`, for a message-move task. */
  visibleUpTo(queue: Queue, seq: number, limit: number): StoredMessage[] {
    this.#ledger.settle(queue, this.nowMs());
    return this.#table.nextVisibleUpTo(queue.id, seq, limit);
  }

  countVisible(queue: Queue): number {
    this.#ledger.settle(queue, this.nowMs());
    return queue.tally.visible;
  }

  counts(queue: Queue): QueueCounts {
    const nowMs = this.nowMs();
    this.#ledger.settle(queue, nowMs);
    const { visible, inFlight, delayed } = queue.tally;
    const ageSeconds = (ms: number | undefined) => (ms === undefined ? 0 : Math.max(0, nowMs - ms) / 1000);
    return {
      visible,
      notVisible: inFlight,
      delayed,
      oldestAgeSeconds: ageSeconds(this.#table.oldestLittleReceivedMs(queue.id)),
      oldestVisibleAgeSeconds: ageSeconds(this.#table.firstVisibleMs(queue.id, VISIBLE)),
    };
  }

  /** When the next message that is hidden or delayed becomes visible. */
  nextVisibleMs(queue: Queue): number | undefined {
    this.#ledger.settle(queue, this.nowMs());
    const next = this.#ledger.nextHiddenMs(queue);
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  #redriveOf(queue: Queue): { readonly target: Queue; readonly maxReceiveCount: number } | undefined {
    const policy = queue.settings.redrivePolicy;
    if (policy === undefined) return undefined;
    const target = this.#queues.find(policy.deadLetterTargetArn);
    // Where the dead-letter queue is gone or refuses this source, messages stay and go on being received.
    if (target === undefined || !allowsSource(target.settings.redriveAllowPolicy, queue.arn))
      return undefined;
    return { target, maxReceiveCount: policy.maxReceiveCount };
  }

  #deliver(
    queue: Queue,
    message: StoredMessage,
    visibilitySeconds: number,
    nowMs: number,
    events: SqsEvent[],
  ): Delivery {
    const visibleMs = nowMs + visibilitySeconds * 1000;
    this.#table.receive(message.seq, visibleMs, nowMs);
    this.#ledger.left(queue, VISIBLE);
    this.#ledger.entered(queue, IN_FLIGHT, visibleMs, message.sentMs);
    const receive = message.receivesHere + 1;
    const receiveCount = message.receiveCount + 1;
    events.push({
      type: 'received',
      queueArn: queue.arn,
      messageId: message.messageId,
      receiveCount,
      atMs: nowMs,
    });
    return {
      ...message,
      receivesHere: receive,
      receiveCount,
      firstReceivedMs: message.firstReceivedMs ?? nowMs,
      receiptHandle: encodeReceipt({ queueId: queue.id, seq: message.seq, receive }),
    };
  }

  /** The message keeps its id, its sent time and its receive count. */
  #moveToDeadLetters(source: Queue, target: Queue, message: StoredMessage, nowMs: number): SqsEvent {
    this.#table.remove(message.seq);
    this.#ledger.left(source, message.state);
    this.#table.insert({
      ...message,
      queueId: target.id,
      arrivedMs: nowMs,
      state: VISIBLE,
      visibleMs: nowMs,
      sourceArn: source.arn,
    });
    this.#ledger.entered(target, VISIBLE, nowMs, message.sentMs);
    return {
      type: 'moved-to-dlq',
      queueArn: source.arn,
      messageId: message.messageId,
      receiveCount: message.receiveCount,
      targetArn: target.arn,
      atMs: nowMs,
    };
  }

  #insertNew(
    queue: Queue,
    content: MessageContent,
    messageId: string,
    delaySeconds: number,
    nowMs: number,
  ): void {
    const state = delaySeconds > 0 ? DELAYED : VISIBLE;
    const visibleMs = nowMs + delaySeconds * 1000;
    this.#table.insert({
      ...content,
      queueId: queue.id,
      messageId,
      sentMs: nowMs,
      arrivedMs: nowMs,
      state,
      visibleMs,
      receiveCount: 0,
      firstReceivedMs: null,
      sourceArn: null,
    });
    this.#ledger.entered(queue, state, visibleMs, nowMs);
  }
}
