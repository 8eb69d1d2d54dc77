import * as z from 'zod';
import { defineJob } from './define-job.ts';

/** Template → the values it needs. The texts are in `functions/send-email/templates.ts`. */
const message = z.discriminatedUnion('template', [
  z.object({ template: z.literal('welcome'), values: z.object({ name: z.string().min(1).max(200) }) }),
  z.object({
    template: z.literal('order-confirmation'),
    values: z.object({
      name: z.string().min(1).max(200),
      reference: z.string().min(1).max(64),
      lines: z
        .array(
          z.object({
            title: z.string().max(200),
            quantity: z.int().positive(),
            totalMinor: z.int().nonnegative(),
          }),
        )
        .min(1)
        .max(100),
      totalMinor: z.int().nonnegative(),
      currency: z.string().regex(/^[A-Z]{3}$/),
    }),
  }),
  z.object({
    template: z.literal('report-ready'),
    values: z.object({
      title: z.string().min(1).max(200),
      from: z.iso.date(),
      to: z.iso.date(),
      pages: z.int().positive(),
      /** Where the PDF can be read until `linkExpiresAt`; both or neither. */
      link: z
        .url({ protocol: /^https?$/ })
        .max(4096)
        .optional(),
      linkExpiresAt: z.iso.datetime().optional(),
      /** Where it lies for good, for those who may read the bucket. */
      location: z.string().max(1200),
      /** The names of pictures that could not be read; at most 20 of them are named. */
      failedAssets: z.array(z.string().max(200)).max(1000),
    }),
  }),
  z.object({
    template: z.literal('endpoint-disabled'),
    values: z.object({
      endpointId: z.string().min(1).max(64),
      /** Of its address: the rest may hold a secret. */
      host: z.string().min(1).max(260),
      disabledAt: z.iso.datetime(),
      because: z.string().min(1).max(500),
    }),
  }),
]);

/** Sends one e-mail from a template through SES. */
export const sendEmail = defineJob({
  type: 'send-email',
  payload: z.object({
    /** The publisher's own id of this notification: the same id is the same e-mail. */
    notificationId: z.string().min(1).max(200),
    /** Checked by the handler, not here: an invalid address is suppressed, which is an end and no failure. */
    to: z.string().min(1).max(320),
    message,
  }),
  key: ({ notificationId }) => notificationId,
  timeoutSeconds: 30,
});
