import { consume, documentClient } from '../../shared/consumer/index.ts';
import { required, tableVariable } from '../../shared/jobs/environment.ts';
import { processPayment } from '../../shared/jobs/process-payment.ts';
import { bookPayment } from './book-payment.ts';

const tables = {
  payments: required(tableVariable('payments')),
  accounts: required(tableVariable('accounts')),
};
const dynamo = documentClient();

export const handler = consume(processPayment, (payment, { signal }) =>
  bookPayment(payment, { dynamo, tables, signal }),
);
