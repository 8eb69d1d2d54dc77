import { chargeCard } from './charge-card.ts';
import type { AnyJob } from './define-job.ts';
import { deliverWebhook } from './deliver-webhook.ts';
import { fanOutEvent } from './fan-out-event.ts';
import { generateReport } from './generate-report.ts';
import { placeOrder } from './place-order.ts';
import { processPayment } from './process-payment.ts';
import { processWebhook } from './process-webhook.ts';
import { sendEmail } from './send-email.ts';

/** Every job type of this app. A new contract is added here once; infra, client and tools find it by its type. */
export const JOBS = {
  sendEmail,
  processPayment,
  placeOrder,
  chargeCard,
  generateReport,
  processWebhook,
  fanOutEvent,
  deliverWebhook,
} as const;

const ALL: readonly AnyJob[] = Object.values(JOBS);

export const JOB_TYPES: readonly string[] = ALL.map(({ type }) => type);

/** The contract of a type on the wire. */
export function jobByType(type: string): AnyJob | undefined {
  return ALL.find((job) => job.type === type);
}
