import type * as z from 'zod';
import type { sendEmail } from '../../shared/jobs/send-email.ts';
import type { WebhookEndpoint } from '../../shared/webhooks/endpoint.ts';

/** What the template of the notice takes. */
const LONGEST_HOST = 260;
const LONGEST_REASON = 500;

/**
 * What the contact of a disabled endpoint is told, once for each time that it is disabled: all of it follows from the endpoint, so that a second
 * notice is the same job.
 */
export function noticeOf({
  tenant,
  endpointId,
  url,
  contact,
  disabledAtMs = 0,
  disabledBecause = '',
}: WebhookEndpoint): z.input<typeof sendEmail.payload> | undefined {
  if (contact === undefined) return undefined;
  return {
    notificationId: `endpoint-disabled:${tenant}/${endpointId}/${disabledAtMs}`,
    to: contact,
    message: {
      template: 'endpoint-disabled',
      values: {
        endpointId,
        host: cut(hostOf(url), LONGEST_HOST),
        disabledAt: new Date(disabledAtMs).toISOString(),
        because: cut(disabledBecause.trim() || 'No reason was written down.', LONGEST_REASON),
      },
    },
  };
}

/** All of an endpoint's address that others than its tenant may see. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'an address that is none';
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}
