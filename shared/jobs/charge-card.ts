import * as z from 'zod';
import { defineJob } from './define-job.ts';

/** As the provider names it. Twelve digits in a row may be a card's own number, which must never travel in a job. */
const token = z
  .string()
  .max(200)
  .regex(
    /^(?!.*\d{12})[A-Za-z][A-Za-z0-9_-]*$/,
    "must be the provider's token: letters, digits, _ and -, a letter first; never a card number",
  );

/** Charges a card once, and records the outcome. A card that is declined is an outcome too, and no failure. */
export const chargeCard = defineJob({
  type: 'charge-card',
  payload: z.object({
    /** The charge's own id: the same id is the same charge, here and at the provider. It travels in a header. */
    chargeId: z
      .string()
      .max(200)
      .regex(/^[A-Za-z0-9._:-]+$/, 'must be 1 to 200 letters, digits and . _ : -'),
    customer: token,
    paymentMethod: token,
    /** Minor units (cents), more than zero. */
    amountMinor: z.int().positive(),
    currency: z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code'),
  }),
  key: ({ chargeId }) => chargeId,
  // The provider is given 15 s, and a look at its charges as long again.
  timeoutSeconds: 45,
});
