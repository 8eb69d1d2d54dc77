import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Properties, Provisioned } from '../../../local/kernel/resources.ts';
import { SecretsManager } from '../../../local/secretsmanager/index.ts';
import { serveRooms } from '../serve-rooms.ts';

/** Secrets Manager behind a port; a real SDK client talks to it. */
export class SecretsLab implements AsyncDisposable {
  readonly client: SecretsManagerClient;
  readonly #room: SecretsManager;
  readonly #end: () => Promise<void>;

  private constructor(room: SecretsManager, client: SecretsManagerClient, end: () => Promise<void>) {
    this.#room = room;
    this.client = client;
    this.#end = end;
  }

  /** @param directory where the state lies @default in memory */
  static async open(directory?: string): Promise<SecretsLab> {
    const { rooms, client, stop } = await serveRooms(
      (context) => ({ secretsManager: new SecretsManager(context) }),
      { directory },
    );
    const sdk = new SecretsManagerClient(client);
    return new SecretsLab(rooms.secretsManager, sdk, async () => {
      sdk.destroy();
      await stop();
    });
  }

  /** Deploys a secret, as a template has it. */
  provision(properties: Properties): Provisioned {
    const [provider] = this.#room.providers();
    if (!provider) throw new Error('no provider');
    return provider.provision(properties, {
      stackName: 'Stack',
      logicalId: 'Resource',
      metadata: {},
      generatedName: () => 'Stack-Resource-1',
      assetDirectory: () => '',
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end();
  }
}
