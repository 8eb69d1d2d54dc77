import { type Breach, order, payment } from '../well-run.ts';

export const BREACHES_OF_LEDGER: readonly Breach[] = [
  {
    promise: 'The ledger has the payments that completed',
    when: 'a completed payment is not booked',
    damage: (run) => run.payments.pop(),
    says: 'payment t1 completed, but is not in the ledger',
  },
  {
    promise: 'The ledger has the payments that completed',
    when: 'a payment is booked with another amount',
    damage: (run) => run.payments.splice(0, 1, { ...payment, amountMinor: 5 }),
    says: 'payment t1 completed, but the ledger has {"transactionId":"t1","accountId":"a","amountMinor":5',
  },
  {
    promise: 'The ledger has the payments that completed',
    when: 'the payment of a dead job is booked',
    damage: (run) => run.payments.push({ ...payment, transactionId: 't2' }),
    says: 'payment t2 is in the ledger, but its job did not complete',
  },
  {
    promise: 'The orders that completed are placed',
    when: 'a completed order is not in the table',
    damage: (run) => run.orders.pop(),
    says: 'order o1 completed, but is not in the table',
  },
  {
    promise: 'The orders that completed are placed',
    when: 'an order stands there with other lines',
    damage: (run) => run.orders.splice(0, 1, { ...order, lines: [{ sku: 'tea', quantity: 3 }] }),
    says: 'order o1 was for 2 × tea, but the table has 3 × tea',
  },
  {
    promise: 'The orders that completed are placed',
    when: 'an order is there that did not complete',
    damage: (run) => run.orders.push({ reference: 'o2', lines: [] }),
    says: 'order o2 is in the table, but its job did not complete',
  },
  {
    promise: 'Each balance is its opening balance and the booked payments',
    when: 'a balance moved without a payment',
    damage: (run) => run.accounts.splice(1, 1, { accountId: 'b', balanceMinor: 8, currency: 'EUR' }),
    says: 'account b holds 8, its payments imply 7',
  },
  {
    promise: 'Each balance is its opening balance and the booked payments',
    when: 'an account has gone',
    damage: (run) => run.accounts.pop(),
    says: 'account b holds undefined, its payments imply 7',
  },
  {
    promise: 'Each stock is its opening stock less the placed orders',
    when: 'stock was reserved twice',
    damage: (run) => run.stock.splice(0, 1, { sku: 'tea', available: 6 }),
    says: 'tea has 6 left, its orders imply 8',
  },
  {
    promise: 'Each stock is its opening stock less the placed orders',
    when: 'an item has gone',
    damage: (run) => run.stock.pop(),
    says: 'pot has undefined left, its orders imply 3',
  },
];
