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
