import * as z from 'zod';
import { defineJob } from './define-job.ts';

/** Places one order: unique reference and reserved stock in one transaction, then the confirmation e-mail. */
export const placeOrder = defineJob({
  type: 'place-order',
  payload: z.object({
    /** Unique for each order, chosen by the shop. */
    reference: z.string().min(1).max(64),
    customer: z.object({ name: z.string().min(1).max(200), email: z.string().min(1).max(320) }),
    /** One line a SKU; a DynamoDB transaction holds 100 items, one of them the order itself. */
    lines: z
      .array(
        z.object({
          sku: z.string().min(1).max(100),
          title: z.string().min(1).max(200),
          quantity: z.int().positive().max(1000),
          unitPriceMinor: z.int().nonnegative(),
        }),
      )
      .min(1)
      .max(99)
      .refine(
        (lines) => new Set(lines.map(({ sku }) => sku)).size === lines.length,
        'must name each SKU once',
      ),
    currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
  }),
  key: ({ reference }) => reference,
  timeoutSeconds: 30,
});
