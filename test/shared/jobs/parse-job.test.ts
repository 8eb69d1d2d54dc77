import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { parseMessage, payloadHash } from '../../../shared/jobs/message.ts';
import { parseJob } from '../../../shared/jobs/parse-job.ts';
import { processPayment } from '../../../shared/jobs/process-payment.ts';

const valid = {
  specversion: '1.0',
  id: 'job-1',
  source: '/test',
  type: 'process-payment',
  data: { transactionId: 'tx-1', accountId: 'acc-1', amountMinor: 100, currency: 'EUR' },
};
const rejectionOf = (body: string): string => {
  const parsed = parseJob(processPayment, body);
  return parsed.ok ? 'accepted' : `${parsed.rejection.code}: ${parsed.rejection.message}`;
};

describe('parseJob', () => {
  it('reads a CloudEvent of its type, with key and payload', () => {
    const parsed = parseJob(processPayment, JSON.stringify({ ...valid, extension: 'let pass' }));
    expect(parsed).toMatchObject({
      ok: true,
      value: { key: 'tx-1', payload: valid.data, message: { id: 'job-1' } },
    });
  });

  it('takes a null for an attribute that is not set, as CloudEvents says', () => {
    const unset = { time: null, expirytime: null, traceparent: null, hop: null, other: null };
    const parsed = parseJob(processPayment, JSON.stringify({ ...valid, ...unset }));
    expect(parsed).toMatchObject({ ok: true, value: { payload: valid.data } });
    if (parsed.ok) expect(Object.keys(parsed.value.message)).toEqual(Object.keys(valid));
  });

  it('takes data that is null for data', () => {
    const nothing = defineJob({ type: 'nothing', payload: z.null(), key: () => 'one' });
    const parsed = parseJob(nothing, JSON.stringify({ ...valid, type: 'nothing', data: null }));
    expect(parsed).toMatchObject({ ok: true, value: { payload: null } });
  });

  it.each([
    ['no id but null', JSON.stringify({ ...valid, id: null }), /^INVALID_ENVELOPE: .*id: /],
    ['text', 'a=b', /^NOT_JSON: The body is not JSON/],
    ['an array', '[1]', /^INVALID_ENVELOPE: Not a CloudEvents 1.0 job message/],
    ['null', 'null', /^INVALID_ENVELOPE/],
    ['another version', JSON.stringify({ ...valid, specversion: '0.3' }), /^INVALID_ENVELOPE: .*specversion/],
    ['no id', JSON.stringify({ ...valid, id: undefined }), /^INVALID_ENVELOPE: .*id: /],
    ['no data', JSON.stringify({ ...valid, data: undefined }), /^INVALID_ENVELOPE: .*data/],
    [
      'data that is not JSON',
      JSON.stringify({ ...valid, datacontenttype: 'text/xml' }),
      /datacontenttype: must be JSON/,
    ],
    [
      'another type',
      JSON.stringify({ ...valid, type: 'send-email' }),
      /^UNKNOWN_TYPE: The message is of type "send-email", but this queue takes "process-payment"/,
    ],
    [
      'an invalid payload',
      JSON.stringify({ ...valid, data: { ...valid.data, amountMinor: 1.5 } }),
      /^INVALID_PAYLOAD: .*amountMinor/,
    ],
    [
      'a prototype for a payload',
      JSON.stringify({ ...valid, data: { __proto__: null, constructor: 1 } }),
      /^INVALID_PAYLOAD/,
    ],
    [
      'a deep nest',
      `{"specversion":"1.0","data":${'['.repeat(5000)}${']'.repeat(5000)}}`,
      /^INVALID_ENVELOPE: The body is nested deeper than 64/,
    ],
  ])('rejects %s with its reason', (_what, body, reason) => {
    expect(rejectionOf(body)).toMatch(reason);
  });

  it('rejects a key that is empty, too long, or that its function cannot make', () => {
    const withKey = (key: (payload: { text: string }) => string) =>
      defineJob({ type: 'keyed', payload: z.object({ text: z.string() }), key });
    const reasonOf = (key: (payload: { text: string }) => string, text: string) => {
      const parsed = parseJob(withKey(key), JSON.stringify({ ...valid, type: 'keyed', data: { text } }));
      return parsed.ok ? 'accepted' : parsed.rejection.message;
    };
    expect(reasonOf(({ text }) => text, '')).toContain('a key is a text of 1 to 1024 bytes');
    expect(reasonOf(({ text }) => text, 'é'.repeat(513))).toContain('The key has 1026 bytes, more than 1024');
    expect(
      reasonOf(() => {
        throw new Error('boom');
      }, 'a'),
    ).toContain('The key function of keyed threw: boom');
  });

  it('keeps the values of the payload out of its reasons', () => {
    const secret = 'kim@example.com';
    for (const body of [
      `{"email":"${secret}" oops}`,
      JSON.stringify({ ...valid, data: { ...valid.data, currency: secret } }),
    ])
      expect(rejectionOf(body)).not.toContain(secret);
  });

  it('answers for any text and any JSON without throwing', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.json()),
        (body) => void parseMessage(body),
      ),
    );
    fc.assert(
      fc.property(
        fc.jsonValue(),
        (data) => void parseJob(processPayment, JSON.stringify({ ...valid, data })),
      ),
    );
  });
});

describe('payloadHash', () => {
  it('is the same for members in another order, and another for another value', () => {
    expect(payloadHash({ a: 1, b: { c: [1, 2], d: null } })).toBe(
      payloadHash({ b: { d: null, c: [1, 2] }, a: 1 }),
    );
    expect(payloadHash({ a: [1, 2] })).not.toBe(payloadHash({ a: [2, 1] }));
    expect(payloadHash({ a: '1' })).not.toBe(payloadHash({ a: 1 }));
  });
});
