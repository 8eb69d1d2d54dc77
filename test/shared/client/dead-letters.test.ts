import {
  GetQueueUrlCommand,
  PurgeQueueCommand,
  type ReceiveMessageRequest,
  SendMessageCommand,
  type ServiceOutputTypes,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { cancelJob } from '../../../shared/client/cancel.ts';
import { explain, peekDeadLetters } from '../../../shared/client/dead-letters.ts';
import { JobLookup } from '../../../shared/client/job-lookup.ts';
import { deadLetterQueueName } from '../../../shared/jobs/names.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';
import { probe } from '../../lab/probe/contract.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

/** The reason for a letter with this body, as SQS moved it without a decision of ours. */
async function reasonOf(body: string) {
  return (await explain(probe, { MessageId: 'm', Body: body }, lab.lookup)).reason;
}

describe('the reason for a dead letter that nobody decided', () => {
  const body = (key: string): string => lab.message(probe, { key, acts: ['return'] });

  it('is that its handler never ran, where it has no record', async () => {
    expect(await reasonOf(body('never'))).toMatchObject({ code: 'NEVER_RAN' });
  });

  it('says that redriving it is harmless, where its job has completed', async () => {
    await lab.send(probe, body('done'));
    await lab.drain();
    expect(await reasonOf(body('done'))).toMatchObject({
      code: 'RECEIVES_EXHAUSTED',
      message: expect.stringContaining('has completed'),
    });
  });

  it('says that redriving it runs nothing, where its job was cancelled before it ran', async () => {
    await cancelJob(probe, 'cancelled', { dynamo: lab.dynamo, stage: STAGE, now: Date.now });
    expect(await reasonOf(body('cancelled'))).toMatchObject({
      code: 'RECEIVES_EXHAUSTED',
      message: expect.stringContaining('has been cancelled'),
    });
  });

  it('says that redriving it runs nothing, where its job expired', async () => {
    const expirytime = new Date(lab.cloud.clock.now() - 1).toISOString();
    await lab.send(probe, lab.message(probe, { key: 'old', acts: ['return'] }, { expirytime }));
    await lab.drain();
    expect(await reasonOf(body('old'))).toMatchObject({
      code: 'RECEIVES_EXHAUSTED',
      message: expect.stringContaining('has expired'),
    });
  });
});

describe('the reason for a dead letter whose job was published again', () => {
  it('is what its own life was given up for, and says how the job has gone on', async () => {
    const again = lab.message(probe, { key: 'again', acts: ['permanent', 'return'] });
    await lab.send(probe, again);
    await lab.drain();
    await lab.advance(1);
    await lab.send(probe, again);
    await lab.drain();
    expect(await lab.record(probe, 'again')).toMatchObject({ state: 'completed', life: 2 });
    const { reason } = (await lab.deadLetterOf(probe, 'again')) ?? {};
    expect(reason).toMatchObject({ code: 'HOPELESS' });
    expect(reason?.message).toMatch(
      /^Given up on in life 1: .* The job has gone on since, and is completed\. Redriving this letter is harmless\.$/,
    );
  });
});

describe('looking at dead letters', () => {
  const COUNT = 25;
  const clients: SQSClient[] = [];
  afterAll(() => {
    for (const client of clients) client.destroy();
  });
  let QueueUrl: string | undefined;
  beforeAll(async () => {
    const QueueName = deadLetterQueueName(STAGE, probe.type);
    ({ QueueUrl } = await lab.sqs.send(new GetQueueUrlCommand({ QueueName })));
    await lab.sqs.send(new PurgeQueueCommand({ QueueUrl }));
    await lab.advance(60);
    for (let index = 0; index < COUNT; index++) {
      const MessageBody = lab.message(probe, { key: `letter-${index}`, acts: ['return'] });
      await lab.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    }
  });

  const look = (options: Partial<Parameters<typeof peekDeadLetters>[1]> = {}) =>
    peekDeadLetters(probe, { sqs: lab.sqs, stage: STAGE, lookup: lab.lookup, ...options });

  interface Receive {
    readonly turn: number;
    /** Whether the time is over for which the first ones were hidden. */
    readonly areFirstVisible: boolean;
  }

  /** The lab's SQS in an order that SQS may take, too: it hands out the first ones once more where `again` says so. */
  function handingOutAgain(again: (receive: Receive) => boolean): SQSClient {
    let turn = 0;
    let first:
      | { readonly done: { output: ServiceOutputTypes; response: unknown }; readonly visibleAtMs: number }
      | undefined;
    const sqs = new SQSClient({
      endpoint: lab.cloud.endpoint,
      region: lab.cloud.region,
      credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
    });
    clients.push(sqs);
    sqs.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          if (commandName !== 'ReceiveMessageCommand') return next(args);
          const nowMs = lab.cloud.clock.now();
          if (
            again({ turn: ++turn, areFirstVisible: first !== undefined && nowMs >= first.visibleAtMs }) &&
            first
          )
            return first.done;
          const { VisibilityTimeout = 0 } = args.input as ReceiveMessageRequest;
          const done = await next(args);
          first ??= { done, visibleAtMs: nowMs + VisibilityTimeout * 1000 };
          return done;
        },
      { step: 'initialize' },
    );
    return sqs;
  }

  it('gives all of them back, stops at the most that it was asked for, and says that there are more', async () => {
    const few = await look({ most: COUNT - 1 });
    expect(few.letters).toHaveLength(COUNT - 1);
    expect(few).toMatchObject({ more: true, about: COUNT });
    for (const most of [COUNT, 100]) {
      const all = await look({ most });
      expect(all.letters).toHaveLength(COUNT);
      expect(all.more).toBe(false);
    }
  });

  it('finds all of them, however long their jobs take to be looked up', async () => {
    class SlowLookup extends JobLookup {
      override async byKey(type: string, key: string) {
        await lab.advance(2);
        return super.byKey(type, key);
      }
    }
    const { letters, more } = await look({
      sqs: handingOutAgain(({ areFirstVisible }) => areFirstVisible),
      lookup: new SlowLookup(lab.dynamo, STAGE),
    });
    expect(new Set(letters.map(({ messageId }) => messageId)).size).toBe(COUNT);
    expect(more).toBe(false);
  });

  it('finds all of them where SQS hands out some twice', async () => {
    const sqs = handingOutAgain(({ turn }) => turn === 2);
    const { letters, more } = await look({ sqs });
    expect(new Set(letters.map(({ messageId }) => messageId)).size).toBe(COUNT);
    expect(letters).toHaveLength(COUNT);
    expect(more).toBe(false);
  });

  it('ends where SQS hands out nothing but the same ones, and says that there may be more', async () => {
    const { letters, more } = await look({ sqs: handingOutAgain(() => true) });
    expect(letters).toHaveLength(10);
    expect(more).toBe(true);
  });

  it('gives all of them back where a job cannot be looked up', async () => {
    class NoLookup extends JobLookup {
      override async byKey(): Promise<never> {
        throw new Error('No answer.');
      }
    }
    await expect(look({ lookup: new NoLookup(lab.dynamo, STAGE) })).rejects.toThrow('No answer.');
    expect((await look()).letters).toHaveLength(COUNT);
  });

  it('gives back what it has where SQS answers no more', async () => {
    const sqs = handingOutAgain(({ turn }) => {
      if (turn === 2) throw new Error('No answer.');
      return false;
    });
    await expect(look({ sqs, most: 10 })).rejects.toThrow('No answer.');
    expect((await look()).letters).toHaveLength(COUNT);
  });
});
