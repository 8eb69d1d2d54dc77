import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { parseMessage, payloadHash } from '../../../shared/jobs/message.ts';
import { parseJob } from '../../../shared/jobs/parse-job.ts';
import { seedProperties } from '../../lab/seeded.ts';

seedProperties();

const job = defineJob({
  type: 'any-job',
  payload: z.object({ key: z.string(), more: z.unknown() }),
  key: ({ key }) => key,
});
const envelope = { specversion: '1.0', id: 'job-1', source: '/test', type: 'any-job' };
/** What ends in a body: any bytes that were read as UTF-8, JSON of any shape, and envelopes that are nearly right. */
const hostile = fc.constantFrom(
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'then',
  '#',
  'job',
  '\0',
  '\uD800',
);
const body = fc.oneof(
  fc
    .record({ key: fc.oneof(hostile, fc.string()), more: fc.jsonValue() })
    .map((data) => JSON.stringify({ ...envelope, data })),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc
    .dictionary(
      fc.oneof(hostile, fc.constantFrom('id', 'type', 'data', 'source', 'time', 'hop')),
      fc.jsonValue(),
    )
    .map((members) => JSON.stringify({ ...envelope, ...members })),
  fc
    .tuple(fc.constantFrom(['[', ']'], ['{"a":', '}']), fc.integer({ min: 1, max: 20_000 }))
    .map(
      ([[open, close], depth]) =>
        `{"specversion":"1.0","id":"1","source":"/","type":"any-job","data":${open.repeat(depth)}1${close.repeat(depth)}}`,
    ),
);

describe('every body', () => {
  it('is a job or rejected with a reason, and the same each time', () => {
    fc.assert(
      fc.property(body, (text) => {
        const parsed = parseJob(job, text);
        expect(parseJob(job, text)).toEqual(parsed);
        if (parsed.ok) {
          expect(parsed.value.key).not.toBe('');
          expect(Buffer.byteLength(parsed.value.key)).toBeLessThanOrEqual(1024);
          expect(parsed.value.message).toMatchObject({ specversion: '1.0', type: 'any-job' });
          expect(parseMessage(text).ok).toBe(true);
        } else {
          expect(parsed.rejection.code).toMatch(/^[A-Z_]+$/);
          expect(parsed.rejection.message.length).toBeGreaterThan(10);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('pollutes nothing with its names', () => {
    fc.assert(
      fc.property(hostile, fc.jsonValue(), (name, value) => {
        const json = `{"specversion":"1.0","id":"1","source":"/","type":"any-job",${JSON.stringify(name)}:${JSON.stringify(value)},"data":{"key":"k","more":1,${JSON.stringify(name)}:${JSON.stringify(value)}}}`;
        const before = Object.getOwnPropertyNames(Object.prototype);
        const parsed = parseJob(job, json);
        expect(parsed.ok).toBe(true);
        expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
        expect(Object.getPrototypeOf(parsed.ok ? parsed.value.message : {})).toBe(Object.prototype);
      }),
    );
  });

  it('has its values kept out of the reason, wherever in the payload they are', () => {
    const secret = 'kim@example.com';
    const secretive = fc
      .jsonValue()
      .map(
        (value) =>
          JSON.parse(JSON.stringify(value), (_, one) => (typeof one === 'string' ? secret : one)) as unknown,
      );
    fc.assert(
      fc.property(secretive, (data) => {
        const parsed = parseJob(job, JSON.stringify({ ...envelope, data }));
        if (!parsed.ok) expect(parsed.rejection.message).not.toContain(secret);
      }),
    );
  });

  it('keeps a key as it is, or rejects it: two keys never become one', () => {
    fc.assert(
      fc.property(fc.oneof(hostile, fc.string({ unit: 'binary' })), (key) => {
        const parsed = parseJob(job, JSON.stringify({ ...envelope, data: { key, more: null } }));
        if (parsed.ok) expect(parsed.value.key).toBe(key);
        else expect(key === '' || !key.isWellFormed() || Buffer.byteLength(key) > 1024).toBe(true);
      }),
    );
  });
});

/** Values that are easily confused: what separates members and elements is itself a text, and numbers look like texts. */
const confusing = fc.letrec<{ value: unknown }>((tie) => {
  const name = fc.constantFrom('', 'a', 'b', 'a,b', '"', ':', '__proto__');
  return {
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(null, true, false, 0, 1, 11, '', '0', '1', 'null', ',', '"', '[', ']', '1,1'),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(name, tie('value'), { maxKeys: 3 }),
    ),
  };
}).value;

/** The same value with its members in another order. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}:${JSON.stringify(reordered(member))}`,
  );
  return JSON.parse(`{${members.reverse().join(',')}}`);
}

describe('the hash of a payload', () => {
  const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

  it('does not depend on the order of members, however deep', () => {
    fc.assert(
      fc.property(fc.oneof(confusing, fc.jsonValue()).map(asJson), (value) => {
        expect(payloadHash(reordered(value))).toBe(payloadHash(value));
      }),
    );
  });

  it('is the same after any number of journeys as JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(payloadHash(asJson(asJson(value)))).toBe(payloadHash(value));
      }),
    );
  });

  it('differs for values that differ', () => {
    fc.assert(
      fc.property(confusing.map(asJson), confusing.map(asJson), (one, another) => {
        expect(payloadHash(one) === payloadHash(another)).toBe(isDeepStrictEqual(one, another));
      }),
      { numRuns: 2000 },
    );
  });

  it('is not deceived by a name that holds what separates members', () => {
    const name = fc.string({ minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(name, confusing.map(asJson), name, confusing.map(asJson), (first, one, second, other) => {
        fc.pre(first < second);
        const honest = payloadHash({ [first]: one, [second]: other });
        for (const quote of ['', '"']) {
          const forged = `${first}${quote}:${JSON.stringify(one)},${quote}${second}`;
          expect(payloadHash({ [forged]: other })).not.toBe(honest);
        }
      }),
    );
  });

  it('differs when one element is moved, one member renamed or one leaf changed', () => {
    fc.assert(
      fc.property(confusing.map(asJson), (value) => {
        for (const changed of [[value], { a: value }, [value, null], [null, value], { b: value }])
          for (const other of [value, [[value]], { a: [value] }])
            if (!isDeepStrictEqual(changed, other)) expect(payloadHash(changed)).not.toBe(payloadHash(other));
      }),
    );
  });
});
