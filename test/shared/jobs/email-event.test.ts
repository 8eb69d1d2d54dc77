import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { notificationTag } from '../../../shared/jobs/email-event.ts';

/** What the contract of `send-email` lets pass as an id. */
const ids = fc.oneof(
  fc.string({ minLength: 1, maxLength: 200, unit: 'binary' }),
  fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom('_', '-', ':', '3', 'A', 'ü') }),
);

describe("a notification's tag", () => {
  it('is one that SES takes, whatever the id', () => {
    fc.assert(fc.property(ids, (id) => /^[A-Za-z0-9_-]{1,256}$/.test(notificationTag(id))));
  });

  it('is never that of another id', () => {
    fc.assert(
      fc.property(ids, ids, (one, other) => one === other || notificationTag(one) !== notificationTag(other)),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['order-7', 'order-7'],
    ['welcome:user-7', 'welcome_3Auser-7'],
    ['a_3A', 'a_5F3A'],
    ['ü', '_C3_BC'],
  ])('of %j is %j, which a person can read', (id, tag) => {
    expect(notificationTag(id)).toBe(tag);
  });

  it('of an id that is too long is a hash, which no other id spells', () => {
    const tag = notificationTag('ü'.repeat(200));
    expect(tag).toMatch(/^_sha256-[0-9a-f]{64}$/);
    expect(notificationTag(tag)).not.toBe(tag);
  });
});
