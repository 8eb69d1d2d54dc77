import { type JobRecord, jobPartitionKey } from '../../shared/jobs/record.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import type { FeedEntry } from '../feed.ts';
import { completedJobs } from './completed-jobs.ts';
import type { ChargeRow, Evidence, ProviderCharge } from './evidence.ts';
import type { Promised } from './promises.ts';
import { isUncertain } from './uncertain.ts';

/** Holds the ledger against what was published, and against what the provider says that it did. */
export function completedChargesAreRecorded(
  accepted: readonly FeedEntry[],
  { records, charges, providerCharges }: Evidence,
): Promised {
  const { type } = JOBS.chargeCard;
  const rows = new Map(charges.map((row) => [row.chargeId, row]));
  const made = new Map(providerCharges.filter(isMade).map((charge) => [charge.reference, charge]));
  const completed = completedJobs(accepted, type, records);
  const stateOf = (chargeId: string): JobRecord | undefined => records.get(jobPartitionKey(type, chargeId));
  const broken = [
    ...[...completed].flatMap(([chargeId, { data }]) => {
      const published = sum(data as ChargeRow);
      const row = rows.get(chargeId);
      if (!row) return [`charge ${chargeId} completed, but is not in the ledger`];
      return sum(row) === published
        ? []
        : [`charge ${chargeId} was for ${published}, but the ledger has ${sum(row)}`];
    }),
    ...charges.flatMap((row) => {
      const { chargeId, state } = row;
      if (stateOf(chargeId)?.state !== 'completed')
        return [`charge ${chargeId} is in the ledger, but its job did not complete`];
      const charge = made.get(chargeId);
      const taken = charge && sum({ amountMinor: charge.amount, currency: charge.currency.toUpperCase() });
      const booked = state === 'succeeded' ? sum(row) : undefined;
      return taken === booked
        ? []
        : [`charge ${chargeId} is ${state} in the ledger, but the provider took ${taken ?? 'nothing'}`];
    }),
    ...[...made.keys()]
      .filter((reference) => !rows.has(reference) && !isUncertain(stateOf(reference)))
      .map((reference) => `a card was charged for ${reference}, but the ledger does not know it`),
  ];
  return {
    promise: 'Every completed charge is in the ledger, as published and as the provider made it',
    checked: `${completed.size} completed, ${charges.length} recorded, ${made.size} cards charged`,
    broken,
  };
}

export function noCardChargedTwice({ providerCharges }: Evidence): Promised {
  const made = Map.groupBy(providerCharges.filter(isMade), ({ reference }) => reference);
  return {
    promise: 'No card was charged twice',
    checked: `${providerCharges.length} charges at the provider`,
    broken: [...made]
      .filter(([, charges]) => charges.length > 1)
      .map(([reference, charges]) => `charge ${reference} was made ${charges.length} times`),
  };
}

function isMade({ status }: ProviderCharge): boolean {
  return status === 'succeeded';
}

function sum({ amountMinor, currency }: Pick<ChargeRow, 'amountMinor' | 'currency'>): string {
  return `${amountMinor} ${currency}`;
}
