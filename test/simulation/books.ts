import { TABLES } from './cloud.ts';
import { ACCOUNTS, accountOf, amountOf, OPENING_MINOR } from './jobs.ts';
import type { World } from './world.ts';

/** The accounts of ledger jobs, and the entries that these make. */
export class Books {
  readonly #world: World;
  /** Jobs that are in the ledger. */
  readonly #entries = new Set<string>();
  readonly #balances = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  has(job: string): boolean {
    return this.#entries.has(job);
  }

  entered(job: string): void {
    this.#entries.add(job);
  }

  async open(): Promise<void> {
    for (let number = 0; number < ACCOUNTS; number++) {
      const accountId = `account-${number}`;
      this.#balances.set(accountId, OPENING_MINOR);
      await this.#world.cloud.dynamo.execute('PutItem', {
        TableName: TABLES.accounts,
        Item: { accountId: { S: accountId }, balanceMinor: { N: String(OPENING_MINOR) } },
      });
    }
  }

  /** At the world's end: balances equal the ledger. */
  async judge(): Promise<void> {
    for (const job of this.#entries)
      this.#balances.set(accountOf(job), (this.#balances.get(accountOf(job)) ?? 0) + amountOf(job));
    for (const [accountId, expected] of this.#balances) {
      const { Item } = (await this.#world.cloud.dynamo.execute('GetItem', {
        TableName: TABLES.accounts,
        Key: { accountId: { S: accountId } },
        ConsistentRead: true,
      })) as { Item: { balanceMinor: { N: string } } };
      if (Number(Item.balanceMinor.N) !== expected)
        this.#world.violate(
          'balances equal the ledger',
          `${accountId} has ${Item.balanceMinor.N}, its entries say ${expected}`,
        );
    }
  }
}
