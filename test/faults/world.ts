import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { ObservedDelivery } from '../../local/faults/index.ts';
import { notificationTag } from '../../shared/jobs/email-event.ts';
import { type TableSubject, tableName } from '../../shared/jobs/names.ts';
import { ChargeLab } from '../functions/charge-card/charge-lab.ts';
import { DeliveryLab } from '../functions/deliver-webhook/delivery-lab.ts';
import { STAGE } from '../lab/global-setup.ts';
import type { Lab } from '../lab/lab.ts';

/** The deployed template, and what its jobs work on. */
export class World {
  readonly lab: Lab;
  readonly charges: ChargeLab;
  readonly deliveries: DeliveryLab;
  readonly #received: ObservedDelivery[] = [];

  static async start(): Promise<World> {
    const charges = await ChargeLab.start();
    return new World(charges, await DeliveryLab.in(charges.lab));
  }

  private constructor(charges: ChargeLab, deliveries: DeliveryLab) {
    this.charges = charges;
    this.deliveries = deliveries;
    this.lab = charges.lab;
    this.lab.cloud.faults.deliver((delivery) => {
      this.#received.push(delivery);
      return undefined;
    });
  }

  /** How many deliveries to mappings were such ones. */
  received(concerns: (delivery: ObservedDelivery) => boolean): number {
    return this.#received.filter(concerns).length;
  }

  async put(subject: TableSubject, Item: Record<string, unknown>): Promise<void> {
    await this.lab.dynamo.send(new PutCommand({ TableName: tableName(STAGE, subject), Item }));
  }

  async get(
    subject: TableSubject,
    Key: Record<string, string>,
  ): Promise<Record<string, unknown> | undefined> {
    const { Item } = await this.lab.dynamo.send(
      new GetCommand({ TableName: tableName(STAGE, subject), Key, ConsistentRead: true }),
    );
    return Item;
  }

  /** How often a mail went out for a notification. */
  mails(notificationId: string): number {
    const tag = notificationTag(notificationId);
    return this.lab.cloud.ses.sent().filter(({ tags }) => tags.notification === tag).length;
  }

  async stop(): Promise<void> {
    this.deliveries.close();
    await this.charges.stop();
  }
}
