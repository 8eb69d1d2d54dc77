import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import {
  isStandardSecret,
  newStandardSecret,
  signatures,
  verifyStandard,
} from '../../../shared/webhooks/standard-webhooks.ts';

/** The example of the specification's own documentation. */
const EXAMPLE = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestampSeconds: 1614265330,
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};

describe('a signature', () => {
  it("is that of the specification's example", () => {
    const { secret, id, timestampSeconds, body, signature } = EXAMPLE;
    expect(signatures([secret], id, timestampSeconds, body)).toBe(signature);
  });

  it('of several secrets verifies with the library for who knows any one of them', () => {
    const [older, newer] = [newStandardSecret(), newStandardSecret()];
    const seconds = Math.floor(Date.now() / 1000);
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(seconds),
      'webhook-signature': signatures([newer, older], 'msg_1', seconds, '{"a":"ä"}'),
    };
    for (const secret of [newer, older])
      expect(new Webhook(secret).verify('{"a":"ä"}', headers)).toEqual({ a: 'ä' });
    expect(() => new Webhook(newStandardSecret()).verify('{"a":"ä"}', headers)).toThrow();
    for (const secret of [newer, older])
      expect(verifyStandard(headers, Buffer.from('{"a":"ä"}'), [secret], Date.now())).toBeUndefined();
  });
});

describe('a secret', () => {
  it('that is new is one, and never the same twice', () => {
    const made = Array.from({ length: 20 }, newStandardSecret);
    expect(made.every(isStandardSecret)).toBe(true);
    expect(new Set(made).size).toBe(20);
  });

  it.each([
    ['of 24 bytes', `whsec_${Buffer.alloc(24, 1).toString('base64')}`, true],
    ['of 64 bytes', `whsec_${Buffer.alloc(64, 1).toString('base64')}`, true],
    ['of 23 bytes', `whsec_${Buffer.alloc(23, 1).toString('base64')}`, false],
    ['of 65 bytes', `whsec_${Buffer.alloc(65, 1).toString('base64')}`, false],
    ['without its prefix', Buffer.alloc(32, 1).toString('base64'), false],
    ['that is no base64', `whsec_${'_'.repeat(44)}`, false],
    ['that is a placeholder', 'whsec_…', false],
  ])('%s is one: %s %s', (_, secret, is) => {
    expect(isStandardSecret(secret)).toBe(is);
  });
});
