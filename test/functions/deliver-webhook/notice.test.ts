import { describe, expect, it } from 'vitest';
import { noticeOf } from '../../../functions/deliver-webhook/notice.ts';
import { render } from '../../../functions/send-email/templates.ts';
import { sendEmail } from '../../../shared/jobs/send-email.ts';
import type { WebhookEndpoint } from '../../../shared/webhooks/endpoint.ts';

const ENDPOINT: WebhookEndpoint = {
  tenant: 'shop-berlin',
  endpointId: 'ep_1',
  url: 'https://shop.example:8443/hooks?token=address-secret',
  secrets: [{ secret: 'whsec_signing-secret' }],
  eventTypes: ['*'],
  state: 'disabled',
  disabledAtMs: Date.parse('2026-11-25T10:00:00Z'),
  disabledBecause: 'shop.example:8443 answered 410: the endpoint is not there any more.',
  contact: 'ops@shop.example',
};

describe('the notice of a disabled endpoint', () => {
  it('says which, where, when and why, and none of its secrets', () => {
    const payload = sendEmail.payload.parse(noticeOf(ENDPOINT));
    expect(payload).toMatchObject({
      notificationId: 'endpoint-disabled:shop-berlin/ep_1/1795600800000',
      to: 'ops@shop.example',
    });
    const { subject, text, html } = render(payload.message);
    expect(subject).toBe('Webhook endpoint disabled: shop.example:8443');
    for (const words of ['ep_1', 'shop.example:8443', '2026-11-25T10:00:00.000Z', 'answered 410'])
      for (const part of [text, html]) expect(part).toContain(words);
    expect(text + html + subject).not.toContain('secret');
  });

  it('is one e-mail for each time that it is disabled, however long its names', () => {
    const longest = { ...ENDPOINT, tenant: 't'.repeat(80), endpointId: 'e'.repeat(64) };
    const first = sendEmail.payload.parse(noticeOf(longest));
    const again = sendEmail.payload.parse(noticeOf({ ...longest, disabledAtMs: 1 }));
    expect(sendEmail.key(first)).toBe(sendEmail.key(sendEmail.payload.parse(noticeOf({ ...longest }))));
    expect(sendEmail.key(again)).not.toBe(sendEmail.key(first));
  });

  it.each([
    ['whose address is as long as one may be', { url: `https://${'sub.'.repeat(100)}example:8443/` }],
    ['that was disabled for a reason of many words', { disabledBecause: 'because '.repeat(200) }],
    ['that was disabled for no reason', { disabledBecause: ' ' }],
  ])('of an endpoint %s can be sent', (_what, changes) => {
    expect(sendEmail.payload.safeParse(noticeOf({ ...ENDPOINT, ...changes })).success).toBe(true);
  });

  it('goes to nobody where nobody is to have it', () => {
    const { contact: _, ...endpoint } = ENDPOINT;
    expect(noticeOf(endpoint)).toBeUndefined();
  });
});
