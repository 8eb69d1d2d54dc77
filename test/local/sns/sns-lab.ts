import { SNSClient } from '@aws-sdk/client-sns';
import type { Properties, Provisioned } from '../../../local/kernel/resources.ts';
import { Sns } from '../../../local/sns/index.ts';
import { Sqs } from '../../../local/sqs/index.ts';
import { serveRooms } from '../serve-rooms.ts';

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
    const {
      rooms,
      client: settings,
      stop,
    } = await serveRooms(
      (context) => {
        const sqs = new Sqs(context);
        return { sqs, sns: new Sns(context, { sqs }) };
      },
      { directory },
    );
    const client = new SNSClient(settings);
    return new SnsLab(rooms.sns, rooms.sqs, client, async () => {
      client.destroy();
      await stop();
    });
  }

  /**
   * @param admits whether its policy lets SNS in
   * @returns its ARN
   */
  queue(name: string, { admits = true } = {}): string {
    const statement = {
      Effect: 'Allow',
      Principal: { Service: 'sns.amazonaws.com' },
      Action: 'sqs:SendMessage',
    };
    const arn = this.sqs.arnOf(name);
    const Policy = JSON.stringify({ Statement: [{ ...statement, Resource: arn }] });
    this.sqs.createQueue(name, admits ? { Policy } : {});
    return arn;
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
