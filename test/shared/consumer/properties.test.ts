import type { Context, SQSEvent } from 'aws-lambda';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { consume, PermanentError } from '../../../shared/consumer/index.ts';
import type { Outcome, WaitReason } from '../../../shared/consumer/run.ts';
import { settlementOf, WAIT_JITTER_SECONDS } from '../../../shared/consumer/settle.ts';
import { defineJob, LONGEST_LYING_SECONDS, RETENTION_SECONDS } from '../../../shared/jobs/define-job.ts';
import { parseJob } from '../../../shared/jobs/parse-job.ts';
import { LONGEST_DELAY_SECONDS, LONGEST_HIDDEN_SECONDS, schedule } from '../../../shared/jobs/schedule.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';
import { seedProperties } from '../../lab/seeded.ts';

seedProperties();

const ACTS = ['return', 'throw', 'throwNothing', 'throwAtOnce', 'permanent'] as const;
const job = defineJob({
  type: 'any-batch',
  payload: z.object({ key: z.string(), act: z.enum(ACTS), more: z.unknown() }),
  key: ({ key }) => key,
  schedule: schedule([60, 60]),
});

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

const hostileKey = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    'then',
    '#',
    'step#effect',
    'job',
    ' ',
    '\0',
    '\uD800',
    'é'.repeat(512),
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const event = fc.record({
  specversion: fc.constant('1.0'),
  id: fc.string({ minLength: 1, maxLength: 20 }),
  source: fc.constant('/test'),
  type: fc.oneof({ weight: 9, arbitrary: fc.constant(job.type) }, { weight: 1, arbitrary: fc.string() }),
  data: fc.record({ key: hostileKey, act: fc.constantFrom(...ACTS), more: fc.jsonValue() }),
});
const body = fc.oneof(
  { weight: 5, arbitrary: event.map((one) => JSON.stringify(one)) },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.json() },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 60, max: 20_000 }).map((depth) => {
      const nest = '['.repeat(depth) + ']'.repeat(depth);
      return `{"specversion":"1.0","id":"1","source":"/","type":"any-batch","data":{"key":"k","act":"return","more":${nest}}}`;
    }),
  },
);
/** Some bodies more than once: duplicates, and keys used again, within one batch. */
const batch = fc
  .array(fc.tuple(body, fc.integer({ min: 1, max: 3 })), { minLength: 1, maxLength: 10 })
  .map((bodies) => bodies.flatMap(([one, times]) => Array.from({ length: times }, () => one)).slice(0, 10));

interface Expected {
  /** Of each message: whether it is done with. */
  readonly deleted: boolean[];
  /** Of each key: the state of its record, and how often its handler ran. */
  readonly keys: Map<string, { readonly state: string; readonly runs: number }>;
}

/** What must become of a batch: the first message of a key decides it, and all others of the key follow from that. */
function expectedOf(bodies: readonly string[]): Expected {
  const first = new Map<string, { readonly hash: string; readonly state: string }>();
  const deleted = bodies.map((text) => {
    const parsed = parseJob(job, text);
    if (!parsed.ok) return false;
    const { key, payload, payloadHash: hash } = parsed.value;
    const states = { return: 'completed', permanent: 'dead' } as Record<string, string>;
    const before = first.get(key) ?? { hash, state: states[payload.act] ?? 'retrying' };
    first.set(key, before);
    return before.hash === hash && before.state === 'completed';
  });
  return { deleted, keys: new Map([...first].map(([key, { state }]) => [key, { state, runs: 1 }])) };
}

describe('every batch', () => {
  it('is answered, each message with one outcome, and each key run once', async () => {
    await fc.assert(
      fc.asyncProperty(batch, async (bodies) => {
        // A table's records outlive a run of the property, so each run has a type of its own.
        const own = defineJob({ ...job, type: `any-${crypto.randomUUID().slice(0, 18)}` });
        const texts = bodies.map((text) => text.replaceAll('"any-batch"', JSON.stringify(own.type)));
        const consumer = new InProcess(lab, own);
        const runs = new Map<string, number>();
        const handler = consume(
          own,
          ({ key, act }) => {
            runs.set(key, (runs.get(key) ?? 0) + 1);
            if (act === 'throwAtOnce') throw new Error('at once');
            return (async () => {
              if (act === 'throw') throw new Error('later');
              if (act === 'throwNothing') throw undefined;
              if (act === 'permanent') throw new PermanentError('never');
            })();
          },
          consumer.runtime,
        );
        const nowMs = lab.cloud.clock.now();
        const given = {
          Records: texts.map((text, index) => ({
            messageId: `message-${index}`,
            // Of no message: SQS refuses every change of visibility, and that must not matter either.
            receiptHandle: 'stale',
            body: text,
            attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(nowMs) },
          })),
        } as unknown as SQSEvent;
        const context = {
          awsRequestId: crypto.randomUUID(),
          getRemainingTimeInMillis: () => nowMs + 60_000 - lab.cloud.clock.now(),
        } as Context;
        const { batchItemFailures } = await handler(given, context);
        const kept = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
        expect(kept.size).toBe(batchItemFailures.length);
        const expected = expectedOf(bodies);
        expect(texts.map((_, index) => !kept.has(`message-${index}`))).toEqual(expected.deleted);
        expect(Object.fromEntries(runs)).toEqual(
          Object.fromEntries([...expected.keys].map(([key, { runs: times }]) => [key, times])),
        );
        for (const [key, { state }] of expected.keys) expect((await consumer.record(key))?.state).toBe(state);
        expect(consumer.count('Completed') + consumer.count('Duplicates')).toBe(
          expected.deleted.filter(Boolean).length,
        );
      }),
      { numRuns: 60 },
    );
  });
});

const NOW = 1_800_000_000_000;
const YEAR_MS = 366 * 86_400_000;
const MOST_RECEIVES = 17;
const untilMs = fc.integer({ min: NOW - 60_000, max: NOW + YEAR_MS });
const REASONS = [
  'claimed',
  'claim-lost',
  'backing-off',
  'deferred',
  'runs-alone',
  'no-time-left',
  'records-unreachable',
  'end-not-recorded',
] as const satisfies readonly WaitReason[];
const error = { code: 'Error', message: 'as the test wanted' };
const decided: fc.Arbitrary<Outcome> = fc.constantFrom<Outcome>(
  { kind: 'completed', durationMs: 1 },
  { kind: 'started', executionArn: 'arn:aws:states:us-east-1:123456789012:execution:one:1', durationMs: 1 },
  { kind: 'duplicate', of: 'job-1' },
  { kind: 'superseded', of: 'job-1' },
  { kind: 'expired', fresh: true },
  { kind: 'cancelled', fresh: false },
);
const dead: fc.Arbitrary<Outcome> = fc.boolean().map((fresh) => ({ kind: 'dead', fresh, verdict: error }));
const failed = fc
  .tuple(fc.integer({ min: 0, max: LONGEST_DELAY_SECONDS }), fc.boolean())
  .map(([delaySeconds, asked]) => {
    const notBeforeMs = NOW + delaySeconds * 1000;
    return { kind: 'failed', attempt: 1, error, delaySeconds, notBeforeMs, asked } as const;
  });
const waiting = fc.record({
  kind: fc.constant('waiting' as const),
  why: fc.constantFrom(...REASONS),
  untilMs,
});
const deferred = untilMs.map(
  (at) => ({ kind: 'deferred', untilMs: at, reason: 'later', durationMs: 1 }) as const,
);
const facts = fc.record({
  nowMs: fc.constant(NOW),
  sentAtMs: fc.oneof(
    fc.integer({ min: NOW - 3_600_000, max: NOW + 60_000 }),
    fc.integer({ min: NOW - RETENTION_SECONDS * 1000, max: NOW }),
  ),
  receiveCount: fc.integer({ min: 1, max: MOST_RECEIVES }),
  maxReceiveCount: fc.constant(MOST_RECEIVES),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});

describe('the fate of every message', () => {
  it('is to be deleted exactly when its job has ended well, or is carried on by another one', () => {
    fc.assert(
      fc.property(fc.oneof(decided, dead, failed, waiting, deferred), facts, (outcome, given) => {
        const ended = ['completed', 'started', 'duplicate', 'superseded', 'expired', 'cancelled'].includes(
          outcome.kind,
        );
        expect(settlementOf(outcome, given).fate === 'delete').toBe(ended);
      }),
    );
  });

  it('is to be seen at once when it is decided against: only so does SQS move it', () => {
    fc.assert(
      fc.property(dead, facts, (outcome, given) => {
        expect(settlementOf(outcome, given)).toEqual({ fate: 'hide', seconds: 0 });
      }),
    );
  });

  it('waits twice as long each time where SQS should have moved it long ago and has not, up to five minutes', () => {
    fc.assert(
      fc.property(dead, facts, fc.integer({ min: 1, max: 1000 }), (outcome, given, more) => {
        const receiveCount = 3 * MOST_RECEIVES + more;
        const seconds = more > 9 ? 300 : 2 ** (more - 1);
        expect(settlementOf(outcome, { ...given, receiveCount })).toEqual({ fate: 'hide', seconds });
      }),
    );
  });

  it('is not to come back before its job may run again', () => {
    fc.assert(
      fc.property(fc.oneof(failed, waiting), facts, (outcome, given) => {
        if (outcome.kind === 'waiting' && outcome.why === 'records-unreachable') return;
        const settlement = settlementOf(outcome, given);
        const dueMs = outcome.kind === 'failed' ? outcome.notBeforeMs : outcome.untilMs;
        if (settlement.fate === 'hide') {
          expect(settlement.seconds).toBeGreaterThanOrEqual(1);
          expect(NOW + settlement.seconds * 1000).toBeGreaterThanOrEqual(dueMs - 1);
          expect(settlement.seconds).toBeLessThanOrEqual(
            Math.max(1, (dueMs - NOW) / 1000) + WAIT_JITTER_SECONDS,
          );
        } else if (settlement.fate === 'resend' && !settlement.renewal) expect(settlement.atMs).toBe(dueMs);
      }),
    );
  });

  it('is to be sent again, within what SQS delays, when nearly all of its receives are spent', () => {
    fc.assert(
      fc.property(fc.oneof(failed, waiting), facts, (outcome, given) => {
        const settlement = settlementOf(outcome, { ...given, receiveCount: MOST_RECEIVES });
        expect(settlement.fate).toBe('resend');
        if (settlement.fate !== 'resend' || !settlement.renewal) return;
        expect(settlement.atMs).toBeGreaterThan(NOW);
        expect(settlement.atMs).toBeLessThanOrEqual(NOW + 900_000);
      }),
    );
  });

  it('is never to be hidden for longer than 11 hours, or a quarter of one while AWS counts its age, nor until half of its days on the queue are over', () => {
    fc.assert(
      fc.property(fc.oneof(failed, waiting), facts, (outcome, given) => {
        const settlement = settlementOf(outcome, given);
        if (settlement.fate !== 'hide') return;
        expect(settlement.seconds).toBeLessThanOrEqual(given.receiveCount < 3 ? 900 : LONGEST_HIDDEN_SECONDS);
        expect(NOW + settlement.seconds * 1000).toBeLessThanOrEqual(
          given.sentAtMs + LONGEST_LYING_SECONDS * 1000,
        );
      }),
    );
  });

  it('is to be sent for the time that its handler asked for with its failure', () => {
    fc.assert(
      fc.property(failed, facts, (outcome, given) => {
        if (outcome.asked)
          expect(settlementOf(outcome, given)).toEqual({
            fate: 'resend',
            atMs: outcome.notBeforeMs,
            renewal: false,
          });
      }),
    );
  });

  it('is to be sent for when its handler asked for, however often it was received', () => {
    fc.assert(
      fc.property(deferred, facts, (outcome, given) => {
        expect(settlementOf(outcome, given)).toEqual({
          fate: 'resend',
          atMs: outcome.untilMs,
          renewal: false,
        });
      }),
    );
  });

  it('is to come back later each time, up to a quarter of an hour, while the records do not answer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: MOST_RECEIVES - 3 }), facts, (receiveCount, given) => {
        const seconds = (received: number): number => {
          const settlement = settlementOf(
            { kind: 'waiting', why: 'records-unreachable', untilMs: NOW },
            { ...given, sentAtMs: NOW, receiveCount: received },
          );
          return settlement.fate === 'hide' ? settlement.seconds : Number.NaN;
        };
        expect(seconds(receiveCount)).toBeGreaterThanOrEqual(5);
        expect(seconds(receiveCount + 1)).toBeGreaterThanOrEqual(seconds(receiveCount));
        expect(seconds(receiveCount + 1)).toBeLessThanOrEqual(900);
      }),
    );
  });
});
