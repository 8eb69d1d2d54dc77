import { AwsError } from '../kernel/errors.ts';
import type { QueueSource } from '../lambda/index.ts';
import type { QueueSettings, ReceivedMessage, ReceiveOptions, SendInput, Sqs } from '../sqs/index.ts';

/** A message in the moment in which SQS hands it to a mapping. */
export interface ObservedDelivery {
  readonly queueArn: string;
  readonly message: ReceivedMessage;
  /** Counts the deliveries of this queue, from 1 on. */
  readonly nth: number;
}

export type DeliveryFault =
  /** SQS hands out another copy while this one is under way. */
  | 'twice-at-once'
  /** SQS hands out another copy after this one was deleted. */
  | 'twice'
  /** Its visibility timeout ends at once: it comes again, and the handle of this delivery is stale. */
  | 'visible-early';

/** A message in the moment in which a queue has taken it. */
export interface ObservedArrival {
  readonly queueArn: string;
  readonly messageId: string;
  /** Counts the arrivals at this queue, from 1 on. */
  readonly nth: number;
}

/** A mapping's DeleteMessageBatch for what its function has done. */
export interface ObservedAcknowledgement {
  readonly queueArn: string;
  readonly messages: number;
  /** Counts the acknowledgements of this queue, from 1 on. */
  readonly nth: number;
}

/** `refused`: nothing is deleted. `lost`: all is deleted, and the mapping is not told. */
export type AcknowledgementFault = 'refused' | 'lost';

type Rule<Occasion, Fault> = (occasion: Occasion) => Fault | undefined;

/** SQS as the mappings see it, with deliveries and acknowledgements under rules. */
export class Deliveries implements QueueSource {
  readonly #sqs: Sqs;
  readonly #deliveries = new Set<Rule<ObservedDelivery, DeliveryFault>>();
  readonly #acknowledgements = new Set<Rule<ObservedAcknowledgement, AcknowledgementFault>>();
  readonly #shuffles = new Set<() => number>();
  readonly #counts = new Map<string, number>();
  /** Receipt handle → message to deliver once more when it is deleted. */
  readonly #again = new Map<string, string>();

  constructor(sqs: Sqs) {
    this.#sqs = sqs;
  }

  deliver(rule: Rule<ObservedDelivery, DeliveryFault>): () => void {
    this.#deliveries.add(rule);
    return () => this.#deliveries.delete(rule);
  }

  acknowledge(rule: Rule<ObservedAcknowledgement, AcknowledgementFault>): () => void {
    this.#acknowledgements.add(rule);
    return () => this.#acknowledgements.delete(rule);
  }

  /** Holds arriving messages back for the seconds that the rule says. */
  delay(rule: Rule<ObservedArrival, number>): () => void {
    return this.#sqs.observe(({ type, queueArn, messageId }) => {
      if (type !== 'sent') return;
      const seconds = rule({ queueArn, messageId, nth: this.#count(`arrival ${queueArn}`) });
      if (seconds !== undefined) this.#sqs.holdBack(queueArn, messageId, seconds);
    });
  }

  /** Puts the messages of each receive into another order. */
  shuffle(random: () => number): () => void {
    this.#shuffles.add(random);
    return () => this.#shuffles.delete(random);
  }

  send(queueArn: string, message: SendInput): string {
    return this.#sqs.send(queueArn, message);
  }

  attributes(queueArn: string): QueueSettings {
    return this.#sqs.attributes(queueArn);
  }

  changeVisibility(queueArn: string, receiptHandle: string, seconds: number): void {
    this.#sqs.changeVisibility(queueArn, receiptHandle, seconds);
  }

  async receive(queueArn: string, options?: ReceiveOptions): Promise<ReceivedMessage[]> {
    let messages = await this.#sqs.receive(queueArn, options);
    for (const random of this.#shuffles) messages = shuffled(messages, random);
    if (this.#deliveries.size > 0) for (const message of messages) this.#deliver(queueArn, message);
    return messages;
  }

  deleteMessages(queueArn: string, receiptHandles: readonly string[]): void {
    const fault = this.#acknowledgementFault(queueArn, receiptHandles.length);
    if (fault === 'refused') throw lost();
    for (const handle of receiptHandles) {
      const messageId = this.#again.get(handle);
      if (messageId === undefined) continue;
      this.#again.delete(handle);
      this.#sqs.duplicate(queueArn, messageId);
    }
    this.#sqs.deleteMessages(queueArn, receiptHandles);
    if (fault === 'lost') throw lost();
  }

  #deliver(queueArn: string, message: ReceivedMessage): void {
    const nth = this.#count(`delivery ${queueArn}`);
    for (const rule of this.#deliveries) {
      const fault = rule({ queueArn, message, nth });
      if (fault === 'twice-at-once') this.#sqs.duplicate(queueArn, message.messageId);
      if (fault === 'twice') this.#again.set(message.receiptHandle, message.messageId);
      if (fault === 'visible-early') this.#sqs.changeVisibility(queueArn, message.receiptHandle, 0);
    }
  }

  #acknowledgementFault(queueArn: string, messages: number): AcknowledgementFault | undefined {
    if (this.#acknowledgements.size === 0 || messages === 0) return undefined;
    const nth = this.#count(`acknowledgement ${queueArn}`);
    return [...this.#acknowledgements]
      .map((rule) => rule({ queueArn, messages, nth }))
      .find((fault) => fault !== undefined);
  }

  #count(what: string): number {
    const nth = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, nth);
    return nth;
  }
}

function lost(): AwsError {
  return new AwsError('ServiceUnavailable', 'SQS gave no answer to DeleteMessageBatch.', 503);
}

/** Fisher and Yates. */
function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const mixed = [...items];
  for (let at = mixed.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [mixed[at], mixed[other]] = [mixed[other] as Item, mixed[at] as Item];
  }
  return mixed;
}
