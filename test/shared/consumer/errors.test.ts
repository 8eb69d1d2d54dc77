import { describe, expect, it } from 'vitest';
import { errorRecord } from '../../../shared/consumer/errors.ts';

describe('the record of what was thrown', () => {
  it('is bounded, whatever its code, message and stack', () => {
    const error = Object.assign(new Error('m'.repeat(100_000)), {
      code: 'C'.repeat(100_000),
      stack: 's'.repeat(100_000),
    });
    expect(Buffer.byteLength(JSON.stringify(errorRecord(error)))).toBeLessThan(4000);
  });

  it.each([
    ['a name that is no text', Object.assign(new Error('x'), { name: 42 })],
    ['an empty name', Object.assign(new Error('x'), { name: '' })],
  ])('has a code for %s', (_, error) => {
    expect(errorRecord(error)).toMatchObject({ code: 'Error', message: 'x' });
  });

  it.each(['message', 'stack', 'code', 'cause'])(
    'is made even where its %s throws when it is read',
    (property) => {
      const error = Object.defineProperty(new Error('x'), property, {
        get() {
          throw new Error('trap');
        },
      });
      expect(errorRecord(error)).toEqual({
        code: 'UNREADABLE_ERROR',
        message: 'An error was thrown that cannot be read.',
      });
    },
  );

  it.each([[undefined], [null], [7], ['text'], [{ code: 'X' }]])('is made of %o too', (thrown) => {
    expect(errorRecord(thrown)).toMatchObject({ code: 'NOT_AN_ERROR', message: expect.any(String) });
  });
});
