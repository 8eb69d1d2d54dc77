import { EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import { START_MS, StatesLab, type StatesLabOptions } from '../states/states-lab.ts';

/** The same cloud as for state machines, without any. */
export class EventsLab implements AsyncDisposable {
  readonly lab: StatesLab;
  readonly client: EventBridgeClient;

  static async open(resources: object, options: StatesLabOptions = {}): Promise<EventsLab> {
    return new EventsLab(await StatesLab.open({}, { ...options, resources }));
  }

  private constructor(lab: StatesLab) {
    this.lab = lab;
    const { endpoint, region } = lab.cloud;
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    this.client = new EventBridgeClient({ endpoint, region, credentials, maxAttempts: 1 });
  }

  async put(...entries: PutEventsRequestEntry[]) {
    const standard = { Source: 'shop', DetailType: 'order', Detail: '{}' };
    return this.client.send(
      new PutEventsCommand({ Entries: entries.map((entry) => ({ ...standard, ...entry })) }),
    );
  }

  /** The bodies in a queue; they stay there, hidden for a while. */
  async bodies(queue = 'queue') {
    await this.lab.settle();
    const messages = await this.lab.cloud.sqs.receive(this.lab.cloud.sqs.arnOf(queue));
    return messages.map(({ body }) => JSON.parse(body));
  }

  count(
    metricName: string,
    namespace = 'AWS/Events',
    dimensions: Record<string, string> = { RuleName: 'orders' },
  ) {
    const identity = { namespace, metricName, dimensions };
    return this.lab.cloud.cloudwatch.metrics.read(identity, START_MS, START_MS + 7 * 86_400_000).sum;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.destroy();
    await this.lab[Symbol.asyncDispose]();
  }
}
