import type { Job, JobSettings } from './define-job.ts';
import { placeOrder } from './place-order.ts';
import { processPayment } from './process-payment.ts';
import { sendEmail } from './send-email.ts';

/** Every job type of this app. A new contract is added here once; infra, client and tools find it by its type. */
export const JOBS = { sendEmail, processPayment, placeOrder } as const;

/** The contract of a type on the wire. `key` and `payload` take what the payload schema parsed, so it is typed as unknown here. */
export function jobByType(type: string): Job<never, unknown> | undefined {
  return Object.values<JobSettings>(JOBS).find((job) => job.type === type) as Job<never, unknown> | undefined;
}

export const JOB_TYPES: readonly string[] = Object.values(JOBS).map(({ type }) => type);
