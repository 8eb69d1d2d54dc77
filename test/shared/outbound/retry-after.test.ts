import { expect, it } from 'vitest';
import { retryAfterSeconds } from '../../../shared/outbound/retry-after.ts';

const NOW = Date.parse('2026-11-25T10:00:00Z');

it.each([
  ['0', 0],
  ['120', 120],
  [' 120 ', 120],
  ['Wed, 25 Nov 2026 10:02:00 GMT', 120],
  // The two obsolete forms, which a recipient must read too.
  ['Wednesday, 25-Nov-26 10:02:00 GMT', 120],
  ['Wed, 21 Oct 2015 07:28:00 GMT', 0],
  ['', undefined],
  [null, undefined],
  [undefined, undefined],
  ['-5', undefined],
  ['1.5', undefined],
  ['1e3', undefined],
  ['soon', undefined],
  ['Soon', undefined],
  ['2026-11-25', undefined],
])('Retry-After: %j asks for %j seconds', (header, seconds) => {
  expect(retryAfterSeconds(header, NOW)).toBe(seconds);
});
