import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CLIENT_DEFAULTS, consume, documentClient, repeat, verify } from '../../shared/consumer/index.ts';
import { chargeCard } from '../../shared/jobs/charge-card.ts';
import { required, tableVariable } from '../../shared/jobs/environment.ts';
import { CardProvider } from './card-provider.ts';
import { ChargeLedger } from './charge-ledger.ts';
import { ProviderSecret } from './provider-secret.ts';

const ledger = new ChargeLedger(documentClient(), required(tableVariable('charges')));
const provider = new CardProvider(
  new ProviderSecret(new SecretsManagerClient(CLIENT_DEFAULTS), required('CARD_PROVIDER_SECRET')),
);

/** The provider drops a second charge for as long as it remembers the key: a day, of which an hour is kept for clocks and delays. */
const KEY_REMEMBERED_SECONDS = 23 * 3600;

export const handler = consume(chargeCard, async (charge, { step, signal }) => {
  // The ledger outlives keys and job records: what is in it is not charged again, however late its message comes.
  const recorded = await ledger.outcomeOf(charge);
  if (recorded) return recorded;
  const outcome = await step('charge', () => provider.charge(charge, signal), {
    ifUncertain: repeat({
      withinSeconds: KEY_REMEMBERED_SECONDS,
      otherwise: verify(({ begunAtMs }) => provider.verify(charge, begunAtMs, signal), {
        everySeconds: 300,
        forSeconds: 2 * 3600,
      }),
    }),
  });
  await ledger.record(charge, outcome);
  return outcome;
});
