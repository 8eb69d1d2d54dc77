import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { inject } from 'vitest';
import type * as z from 'zod';
import { CardProvider } from '../../../samples/card-provider/card-provider.ts';
import { cardProviderSecretName, functionName, tableName } from '../../../shared/jobs/names.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';

export type Charge = z.input<typeof JOBS.chargeCard.payload>;

const { chargeCard } = JOBS;
let made = 0;

/** The deployed template with the sample provider beside it, whose address and key are in the stage's secret. */
export class ChargeLab {
  readonly lab: Lab;
  readonly provider: CardProvider;
  readonly #secrets: SecretsManagerClient;

  static async start(): Promise<ChargeLab> {
    const lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
    const one = new ChargeLab(lab, await CardProvider.start());
    await one.fillIn({ url: one.provider.url, apiKey: one.provider.apiKey });
    return one;
  }

  private constructor(lab: Lab, provider: CardProvider) {
    this.lab = lab;
    this.provider = provider;
    const { endpoint, region } = lab.cloud;
    this.#secrets = new SecretsManagerClient({
      endpoint,
      region,
      credentials: { accessKeyId: 'operator', secretAccessKey: 'operator' },
    });
  }

  /** As an operator does. */
  async fillIn(secret: unknown): Promise<void> {
    await this.#secrets.send(
      new PutSecretValueCommand({
        SecretId: cardProviderSecretName(STAGE),
        SecretString: typeof secret === 'string' ? secret : JSON.stringify(secret),
      }),
    );
  }

  /** A charge that no test has made before. */
  charge(changes: Partial<Charge> = {}): Charge {
    return {
      chargeId: `charge-${++made}`,
      customer: 'cus_kim',
      paymentMethod: 'pm_card_visa',
      amountMinor: 1250,
      currency: 'EUR',
      ...changes,
    };
  }

  /** Ends every environment of the consumer, so that the next one knows nothing. */
  killConsumer(): Promise<void> {
    return this.lab.cloud.faults.kill(functionName(STAGE, chargeCard.type));
  }

  /** Publishes the charge and lets everything come to its end. */
  async run(charge: Charge): Promise<void> {
    await this.lab.publish(chargeCard, charge);
    await this.lab.drain();
  }

  record({ chargeId }: Charge) {
    return this.lab.record(chargeCard, chargeId);
  }

  /** The charge's row in the ledger. */
  async row({ chargeId }: Charge): Promise<Record<string, unknown> | undefined> {
    const { Item } = await this.lab.dynamo.send(
      new GetCommand({ TableName: tableName(STAGE, 'charges'), Key: { chargeId }, ConsistentRead: true }),
    );
    return Item;
  }

  async stop(): Promise<void> {
    this.#secrets.destroy();
    await this.lab.stop();
    await this.provider.stop();
  }
}
