import { JOBS } from '../../../../shared/jobs/registry.ts';
import { OUTGOING } from '../webhook-run.ts';
import { type Breach, change, forget, type Run, record } from '../well-run.ts';

const { deliverWebhook, processWebhook } = JOBS;
const TAKEN = 'Every webhook of a provider was taken';
const NEWEST = 'Each payment and order of a provider';
const DELIVERED = 'Every event reached each endpoint';

type Webhooks = Run['webhooks'];
type Customer = Webhooks['customers'][number];

/** Replaces what the server says that was told. */
function server({ webhooks }: Run, changes: Partial<Customer>): void {
  webhooks.customers.splice(0, 1, { ...(webhooks.customers[0] as Customer), ...changes });
}

function state({ webhooks }: Run, subject: string, is: string): void {
  webhooks.states = webhooks.states.map((row) => (row.subject === subject ? { subject, state: is } : row));
}

const taken = (run: Run): Customer['events'][number] => {
  const [first] = run.webhooks.customers[0]?.events ?? [];
  if (!first) throw new Error('nothing was taken');
  return first;
};

export const BREACHES_OF_WEBHOOKS: readonly Breach[] = [
  {
    promise: TAKEN,
    when: 'one never was',
    damage: (run) => run.webhooks.sent.splice(0, 1, { outgoing: OUTGOING[0], answers: [503, 500] }),
    says: "acme-shop's event evt-2 was never taken: 503, 500",
  },
  {
    promise: TAKEN,
    when: 'one was answered by 202 and left no job',
    damage: (run) => {
      forget(run, processWebhook, 'stripe/evt_a');
    },
    says: "stripe's event evt_a was taken, and its job is not there",
  },
  {
    promise: TAKEN,
    when: 'one has not ended',
    damage: (run) => change(run, processWebhook, 'stripe/evt_a', { state: 'running' }),
    says: "stripe's event evt_a was taken, and its job is running",
  },
  {
    promise: TAKEN,
    when: 'a forged one was taken',
    damage: (run) => run.webhooks.sent.splice(4, 1, { outgoing: OUTGOING[4], answers: [202] }),
    says: "acme-shop's event evt-3 was wrong-secret, and was answered 202",
  },
  {
    promise: TAKEN,
    when: 'a forged one was refused and there is a job for it all the same',
    damage: (run) => {
      const forged = record(processWebhook, 'acme-shop/evt-3', {});
      run.records.set(forged.pk, forged);
      // Were it applied, the order would be cancelled; that is another promise's.
    },
    says: "acme-shop's event evt-3 was wrong-secret, and there is a job for it",
  },
  {
    promise: NEWEST,
    when: 'an old event that came late was applied',
    damage: (run) => state(run, 'order/o-1', 'placed'),
    says: 'order/o-1 is placed, its newest event says packed',
  },
  {
    promise: NEWEST,
    when: 'of two of one second the wrong one stands',
    damage: (run) => state(run, 'payment/ch_1', 'authorized'),
    says: 'payment/ch_1 is authorized, its newest event says captured',
  },
  {
    promise: NEWEST,
    when: 'one is not there',
    damage: (run) => run.webhooks.states.pop(),
    says: 'payment/ch_1 is not there, its newest event says captured',
  },
  {
    promise: DELIVERED,
    when: 'an endpoint’s delivery was never published',
    damage: (run) => forget(run, deliverWebhook, 'shop/well/e-1'),
    says: 'deliver-webhook#shop/well/e-1 was never published',
  },
  {
    promise: DELIVERED,
    when: 'a delivery still waits',
    damage: (run) => change(run, deliverWebhook, 'shop/well/e-1', { state: 'deferred' }),
    says: 'deliver-webhook#shop/well/e-1 is still deferred',
  },
  {
    promise: DELIVERED,
    when: 'a delivery to an endpoint that is enabled died',
    damage: (run) => change(run, deliverWebhook, 'shop/well/e-1', { state: 'dead' }),
    says: 'deliver-webhook#shop/well/e-1 died',
  },
  {
    promise: DELIVERED,
    when: 'a delivery completed of which its server knows nothing',
    damage: (run) => server(run, { events: [] }),
    says: 'deliver-webhook#shop/well/e-1 completed, and its endpoint does not know the event',
  },
  {
    promise: DELIVERED,
    when: 'it brought other data',
    damage: (run) => server(run, { events: [{ ...taken(run), data: { reference: 'R-2' } }] }),
    says: 'deliver-webhook#shop/well/e-1 brought another event than was published',
  },
  {
    promise: DELIVERED,
    when: 'it came under a second id',
    damage: (run) => server(run, { events: [taken(run), { ...taken(run), id: 'e-1b' }] }),
    says: 'shop/well was told of e-1b, which nobody published',
  },
  {
    promise: DELIVERED,
    when: 'a signature was wrong',
    damage: (run) => server(run, { refused: ['No matching signature found'] }),
    says: 'shop/well was sent what is not rightly signed: No matching signature found',
  },
  {
    promise: 'Nothing reached the internal address',
    when: 'a redirect was followed',
    damage: (run) => {
      run.webhooks.internalRequests = 1;
    },
    says: '1 requests reached it',
  },
];
