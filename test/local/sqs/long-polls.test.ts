import { once } from 'node:events';
import { DeleteQueueCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { RunningClock, type Timer } from '../../../local/kernel/clock.ts';
import { openSqs, serveSqs } from './sqs-lab.ts';

/** A clock that knows how many of its timers are still to come. */
class CountingClock extends RunningClock {
  pending = 0;

  override after(delayMs: number, action: () => void): Timer {
    this.pending++;
    let done = false;
    const settle = () => {
      if (!done) this.pending--;
      done = true;
    };
    const timer = super.after(delayMs, () => {
      settle();
      action();
    });
    return {
      cancel() {
        settle();
        timer.cancel();
      },
    };
  }
}

/** A clock that says what the test wants: one time at its next look, and another one from then on. */
class TurningClock extends RunningClock {
  #nextMs: number | undefined;
  #thenMs: number | undefined;

  turn(nextMs: number, thenMs: number): void {
    this.#nextMs = nextMs;
    this.#thenMs = thenMs;
  }

  override now(): number {
    const nowMs = this.#nextMs ?? this.#thenMs ?? super.now();
    this.#nextMs = undefined;
    return nowMs;
  }
}

describe('SQS long polls', () => {
  it('find what became visible between the look for messages and the look for the next time', async () => {
    const clock = new TurningClock();
    await using lab = openSqs(undefined, undefined, clock);
    lab.sqs.createQueue('jobs');
    const arn = lab.sqs.arnOf('jobs');
    const sentMs = Math.floor(clock.now());
    clock.turn(sentMs, sentMs);
    const id = lab.sqs.send(arn, { MessageBody: 'x' });
    await lab.sqs.receive(arn, { visibilityTimeoutSeconds: 1 });
    clock.turn(sentMs + 999, sentMs + 1000);
    expect(await lab.sqs.receive(arn, { waitSeconds: 1 })).toMatchObject([{ messageId: id }]);
  });

  it('whose client went away while they waited take nothing', async () => {
    await using lab = openSqs();
    const begun = Promise.withResolvers<AbortSignal>();
    await using served = await serveSqs(lab, ({ signal }) => begun.resolve(signal));
    lab.sqs.createQueue('jobs');
    const client = new AbortController();
    const poll = served.client.send(
      new ReceiveMessageCommand({ QueueUrl: lab.sqs.queueUrl('jobs'), WaitTimeSeconds: 20 }),
      { abortSignal: client.signal },
    );
    const connection = await begun.promise;
    const closed = once(connection, 'abort');
    client.abort();
    await expect(poll).rejects.toThrow();
    await closed;
    lab.sqs.send(lab.sqs.arnOf('jobs'), { MessageBody: 'x' });
    await new Promise((turn) => setImmediate(turn));
    expect(lab.sqs.counts(lab.sqs.arnOf('jobs'))).toMatchObject({ visible: 1, notVisible: 0 });
  });

  it('answer nothing at once when they were aborted before they began', async () => {
    await using lab = openSqs();
    lab.sqs.createQueue('jobs');
    const arn = lab.sqs.arnOf('jobs');
    lab.sqs.send(arn, { MessageBody: 'x' });
    const signal = AbortSignal.abort();
    expect(await lab.sqs.receive(arn, { waitSeconds: 20, signal })).toEqual([]);
    expect(lab.sqs.counts(arn).visible).toBe(1);
  });

  it('are served in the order in which they came', async () => {
    await using lab = openSqs();
    lab.sqs.createQueue('jobs');
    const arn = lab.sqs.arnOf('jobs');
    const answered: string[] = [];
    const polls = ['first', 'second'].map(async (name) => {
      await lab.sqs.receive(arn, { maxMessages: 1, waitSeconds: 20 });
      answered.push(name);
    });
    lab.sqs.send(arn, { MessageBody: 'x' });
    lab.sqs.send(arn, { MessageBody: 'y' });
    await Promise.all(polls);
    expect(answered).toEqual(['first', 'second']);
  });

  it('are answered with nothing when their queue is deleted or SQS stops', async () => {
    await using lab = openSqs();
    await using served = await serveSqs(lab);
    lab.sqs.createQueue('jobs');
    lab.sqs.createQueue('others');
    const polls = ['jobs', 'others'].map((name) => lab.sqs.receive(lab.sqs.arnOf(name), { waitSeconds: 20 }));
    await served.client.send(new DeleteQueueCommand({ QueueUrl: lab.sqs.queueUrl('jobs') }));
    expect(await polls[0]).toEqual([]);
    await lab.sqs.stop();
    expect(await polls[1]).toEqual([]);
  });

  it('end at their deadline by the cloud clock', async () => {
    await using lab = openSqs();
    lab.sqs.createQueue('jobs');
    const poll = lab.sqs.receive(lab.sqs.arnOf('jobs'), { waitSeconds: 20 });
    await lab.clock.advance(20_000);
    expect(await poll).toEqual([]);
  });

  it('leave no timer behind, and a queue on which nobody waits has none', async () => {
    const clock = new CountingClock();
    await using lab = openSqs(undefined, {}, clock);
    lab.sqs.createQueue('jobs', { MessageRetentionPeriod: '60' });
    const arn = lab.sqs.arnOf('jobs');
    lab.sqs.send(arn, { MessageBody: 'delayed', DelaySeconds: 10 });
    lab.sqs.send(arn, { MessageBody: 'hidden' });
    await lab.sqs.receive(arn);
    expect(clock.pending).toBe(0);
    const poll = lab.sqs.receive(arn, { waitSeconds: 20 });
    expect(clock.pending).toBe(2);
    await clock.advance(10_000);
    expect(await poll).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it('that find only expired messages wait for others', async () => {
    await using lab = openSqs();
    lab.sqs.createQueue('jobs', { MessageRetentionPeriod: '60', VisibilityTimeout: '0' });
    const arn = lab.sqs.arnOf('jobs');
    lab.sqs.send(arn, { MessageBody: 'first' });
    await lab.clock.advance(500);
    lab.sqs.send(arn, { MessageBody: 'second' });
    // Finding the first expired puts the next search off past the moment at which the second expires.
    await lab.clock.advance(59_600);
    expect(lab.sqs.counts(arn).visible).toBe(1);
    await lab.clock.advance(500);
    const poll = lab.sqs.receive(arn, { waitSeconds: 20 });
    lab.sqs.send(arn, { MessageBody: 'third' });
    expect((await poll).map(({ body }) => body)).toEqual(['third']);
  });
});
