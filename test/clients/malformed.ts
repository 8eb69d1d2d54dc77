import { JOBS } from '../../shared/jobs/registry.ts';

const payment = { transactionId: 'tx-malformed', accountId: 'acc-0001', amountMinor: 100, currency: 'EUR' };
const event = {
  specversion: '1.0',
  id: 'malformed',
  source: '/billing',
  type: JOBS.processPayment.type,
  data: payment,
};
const { id: _, ...withoutId } = event;
const { data: __, ...withoutData } = event;

/** Ten ways to get a payment's message wrong, and what its dead letter says. */
export const MALFORMED: readonly {
  readonly what: string;
  readonly body: string;
  readonly code: string;
  readonly says: string;
}[] = [
  { what: 'no JSON', body: 'amount=100&currency=EUR', code: 'NOT_JSON', says: 'The body is not JSON' },
  {
    what: 'JSON that breaks off',
    body: JSON.stringify(event).slice(0, 60),
    code: 'NOT_JSON',
    says: 'at position 60',
  },
  {
    what: 'a list',
    body: JSON.stringify([event]),
    code: 'INVALID_ENVELOPE',
    says: 'expected object, received array',
  },
  {
    what: 'another version of CloudEvents',
    body: JSON.stringify({ ...event, specversion: '0.3' }),
    code: 'INVALID_ENVELOPE',
    says: 'specversion: Invalid input: expected "1.0"',
  },
  {
    what: 'no id',
    body: JSON.stringify(withoutId),
    code: 'INVALID_ENVELOPE',
    says: 'id: Invalid input: expected string, received undefined',
  },
  { what: 'no data', body: JSON.stringify(withoutData), code: 'INVALID_ENVELOPE', says: 'data: is missing' },
  {
    what: 'a time that is none',
    body: JSON.stringify({ ...event, time: 'yesterday' }),
    code: 'INVALID_ENVELOPE',
    says: 'time: Invalid ISO datetime',
  },
  {
    what: 'data in another format',
    body: JSON.stringify({ ...event, datacontenttype: 'application/xml', data: '<payment/>' }),
    code: 'INVALID_ENVELOPE',
    says: 'datacontenttype: must be JSON',
  },
  {
    what: 'a job of another queue',
    body: JSON.stringify({ ...event, type: 'send-email' }),
    code: 'UNKNOWN_TYPE',
    says: 'this queue takes "process-payment"',
  },
  {
    what: 'a payload that fails its schema',
    body: JSON.stringify({ ...event, data: { ...payment, amountMinor: 1.5, currency: 'Euro' } }),
    code: 'INVALID_PAYLOAD',
    says: 'currency: must be an ISO 4217 code',
  },
];
