import * as z from 'zod';
import { defineJob } from './define-job.ts';

/** Books one payment event on an account: event and balance together or not at all. */
export const processPayment = defineJob({
  type: 'process-payment',
  payload: z.object({
    /** The payment's own id: the same id is the same booking. */
    transactionId: z.string().min(1).max(200),
    accountId: z.string().min(1).max(200),
    /** Minor units (cents): positive is money in, negative is money out. Never zero. */
    amountMinor: z.int().refine((amount) => amount !== 0, 'must not be 0'),
    currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
  }),
  key: ({ transactionId }) => transactionId,
  timeoutSeconds: 20,
});
