import { JOBS } from '../../../../shared/jobs/registry.ts';
import { type Breach, change, chargeRow, providerCharge } from '../well-run.ts';

const { chargeCard } = JOBS;

export const BREACHES_OF_CHARGES: readonly Breach[] = [
  {
    promise: 'Every completed charge is in the ledger',
    when: 'a declined charge is not recorded',
    damage: (run) => run.charges.pop(),
    says: 'charge c2 completed, but is not in the ledger',
  },
  {
    promise: 'Every completed charge is in the ledger',
    when: 'it was published with another amount',
    damage: (run) => {
      run.charges.splice(0, 1, { ...chargeRow, amountMinor: 99 });
      run.providerCharges.splice(0, 1, { ...providerCharge, amount: 99 });
    },
    says: 'charge c1 was for 999 EUR, but the ledger has 99 EUR',
  },
  {
    promise: 'Every completed charge is in the ledger',
    when: 'the provider took another amount',
    damage: (run) => run.providerCharges.splice(0, 1, { ...providerCharge, amount: 99 }),
    says: 'charge c1 is succeeded in the ledger, but the provider took 99 EUR',
  },
  {
    promise: 'Every completed charge is in the ledger',
    when: 'the provider made none of it',
    damage: (run) => run.providerCharges.shift(),
    says: 'charge c1 is succeeded in the ledger, but the provider took nothing',
  },
  {
    promise: 'Every completed charge is in the ledger',
    when: 'a declined card was charged',
    damage: (run) => run.providerCharges.splice(1, 1, { ...providerCharge, reference: 'c2' }),
    says: 'charge c2 is declined in the ledger, but the provider took 999 EUR',
  },
  {
    promise: 'Every completed charge is in the ledger',
    when: 'the job of a recorded charge did not complete',
    damage: (run) => change(run, chargeCard, 'c2', { state: 'retrying' }),
    says: 'charge c2 is in the ledger, but its job did not complete',
  },
  {
    promise: 'Every completed charge is in the ledger',
    when: 'a card was charged that it does not know',
    damage: (run) => run.providerCharges.push({ ...providerCharge, reference: 'c3' }),
    says: 'a card was charged for c3, but the ledger does not know it',
  },
  {
    promise: 'No card was charged twice',
    when: 'one was',
    damage: (run) => run.providerCharges.push(providerCharge),
    says: 'charge c1 was made 2 times',
  },
];
