import type * as z from 'zod';
import type { placeOrder } from '../../shared/jobs/place-order.ts';
import type { sendEmail } from '../../shared/jobs/send-email.ts';

/** The e-mail that confirms an order. Pure, so that a repeated publication has the same payload under the same key. */
export function confirmationOf(
  order: z.output<typeof placeOrder.payload>,
): z.input<typeof sendEmail.payload> {
  const lines = order.lines.map(({ title, quantity, unitPriceMinor }) => ({
    title,
    quantity,
    totalMinor: quantity * unitPriceMinor,
  }));
  return {
    notificationId: `order-confirmation:${order.reference}`,
    to: order.customer.email,
    message: {
      template: 'order-confirmation',
      values: {
        name: order.customer.name,
        reference: order.reference,
        lines,
        totalMinor: lines.reduce((sum, { totalMinor }) => sum + totalMinor, 0),
        currency: order.currency,
      },
    },
  };
}
