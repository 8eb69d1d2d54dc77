import { SNSClient } from '@aws-sdk/client-sns';
import { RunningClock } from '../../../local/kernel/clock.ts';
import type { Properties, Provisioned } from '../../../local/kernel/resources.ts';
import { CloudServer } from '../../../local/kernel/server.ts';
import { openStore } from '../../../local/kernel/store.ts';
import { Sns } from '../../../local/sns/index.ts';
import { Sqs } from '../../../local/sqs/index.ts';

/** SNS behind a port, and the SQS that it delivers to; a real SDK client talks to it. */
export class SnsLab implements AsyncDisposable {
  readonly sns: Sns;
  readonly sqs: Sqs;
  readonly client: SNSClient;
  readonly #end: () => Promise<void>;

  private constructor(sns: Sns, sqs: Sqs, client: SNSClient, end: () => Promise<void>) {
    this.sns = sns;
    this.sqs = sqs;
    this.client = client;
    this.#end = end;
  }

  static async open(directory?: string): Promise<SnsLab> {
    const clock = new RunningClock();
    const store = openStore(directory);
    const context = {
      clock,
      store,
      region: 'us-east-1',
      accountId: '000000000000',
      endpoint: () => '',
      random: Math.random,
    };
    const sqs = new Sqs(context);
    const sns = new Sns(context, { sqs });
    const server = new CloudServer([sns], clock);
    const client = new SNSClient({
      endpoint: `http://127.0.0.1:${await server.listen(0)}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
    return new SnsLab(sns, sqs, client, async () => {
      client.destroy();
      await server.close();
      await sqs.stop();
      clock.stop();
      store.close();
    });
  }

  /** @returns its ARN */
  queue(name: string): string {
    this.sqs.createQueue(name);
    return this.sqs.arnOf(name);
  }

  async bodies(queueArn: string): Promise<string[]> {
    return (await this.sqs.receive(queueArn)).map(({ body }) => body);
  }

  provision(type: string, properties: Properties): Provisioned {
    const provider = this.sns.providers().find((candidate) => candidate.type === type);
    if (!provider) throw new Error(`no provider for ${type}`);
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
