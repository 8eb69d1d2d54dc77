import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SESv2Client, SendEmailCommand, type SendEmailCommandInput } from '@aws-sdk/client-sesv2';
import { RunningClock } from '../../../local/kernel/clock.ts';
import type { Properties, Provisioned } from '../../../local/kernel/resources.ts';
import { CloudServer } from '../../../local/kernel/server.ts';
import type { CloudContext } from '../../../local/kernel/service.ts';
import { openStore } from '../../../local/kernel/store.ts';
import { Ses } from '../../../local/ses/index.ts';
import { Sns } from '../../../local/sns/index.ts';
import { Sqs } from '../../../local/sqs/index.ts';

/** SES alone behind a port, with the domain `shop.example` declared; a real SDK client talks to it. */
export class SesLab implements AsyncDisposable {
  readonly ses: Ses;
  /** Where its event destinations' topics are. */
  readonly sns: Sns;
  readonly clock = new RunningClock();
  readonly #store: ReturnType<typeof openStore>;
  readonly #server: CloudServer;
  #client: SESv2Client | undefined;

  private constructor(directory: string | undefined) {
    this.#store = openStore(directory);
    const context: CloudContext = {
      clock: this.clock,
      store: this.#store,
      region: 'eu-west-1',
      accountId: '000000000000',
      endpoint: () => '',
      random: Math.random,
    };
    this.sns = new Sns(context, { sqs: new Sqs(context) });
    this.ses = new Ses(context, { sns: this.sns });
    this.ses.start();
    this.#server = new CloudServer([this.ses], this.clock);
    this.provision('AWS::SES::EmailIdentity', { EmailIdentity: 'shop.example' });
  }

  static async open(directory?: string): Promise<SesLab> {
    const lab = new SesLab(directory);
    const port = await lab.#server.listen(0);
    lab.#client = new SESv2Client({
      endpoint: `http://127.0.0.1:${port}`,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
    return lab;
  }

  get client(): SESv2Client {
    if (!this.#client) throw new Error('open() the lab first');
    return this.#client;
  }

  provision(type: string, properties: Properties): Provisioned {
    const provider = [...this.ses.providers(), ...this.sns.providers()].find(
      (candidate) => candidate.type === type,
    );
    if (!provider) throw new Error(`no provider for ${type}`);
    return provider.provision(properties, {
      stackName: 'Stack',
      logicalId: 'Resource',
      metadata: {},
      generatedName: () => 'Stack-Resource-1',
      assetDirectory: () => '',
    });
  }

  /** A small mail, but for what is given. @returns its id */
  async send(changes: Partial<SendEmailCommandInput> = {}, abortSignal?: AbortSignal): Promise<string> {
    const { MessageId } = await this.client.send(
      new SendEmailCommand({ ...mailTo('ann@example.org'), ...changes }),
      abortSignal ? { abortSignal } : {},
    );
    return MessageId ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.destroy();
    await this.ses.stop();
    await this.#server.close();
    this.clock.stop();
    this.#store.close();
  }
}

export function mailTo(address: string): SendEmailCommandInput {
  return {
    FromEmailAddress: 'orders@shop.example',
    Destination: { ToAddresses: [address] },
    Content: { Simple: { Subject: { Data: 'Hello' }, Body: { Text: { Data: 'Hi.' } } } },
  };
}

export function temporaryDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'ses-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true }) };
}
