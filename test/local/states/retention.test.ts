import { afterEach, beforeEach, expect, it } from 'vitest';
import { RunningClock } from '../../../local/kernel/clock.ts';
import { openStore, type Store } from '../../../local/kernel/store.ts';
import { StepFunctions } from '../../../local/states/index.ts';

const DAY_MS = 86_400_000;

let store: Store;
let clock: RunningClock;

beforeEach(() => {
  store = openStore();
  clock = new RunningClock();
});
afterEach(() => {
  clock.stop();
  store.close();
});

const rows = (...tables: string[]) =>
  tables.map((table) => Number(store.db.prepare(`SELECT count(*) AS n FROM states_${table}`).get()?.n));

it('an execution leaves what it goes on by after fourteen days, and all else after ninety', async () => {
  const context = { clock, store, region: 'us-east-1', accountId: '000000000000', endpoint: () => '' };
  const states = new StepFunctions(
    { ...context, random: Math.random },
    {
      iam: { mayAssume: () => true, allows: () => true },
      lambda: {
        invoke: () => Promise.reject(new Error('no task here')),
        invokeLater: () => '',
        function: () => {
          throw new Error('no task here');
        },
      },
      services: () => [],
    },
  );
  const definition = JSON.stringify({ StartAt: 'A', States: { A: { Type: 'Fail', Error: 'X' } } });
  const { arn } = states.putMachine('machine', definition, 'arn:aws:iam::000000000000:role/r');
  const closed = async () => {
    states.startExecution(arn, '{}');
    while (states.busy || states.executions.running().length > 0)
      await new Promise((turn) => setImmediate(turn));
  };
  await closed();
  expect(rows('executions', 'frames')).toEqual([1, 1]);
  await clock.advance(14 * DAY_MS - 1000);
  await closed();
  expect(rows('executions', 'frames')).toEqual([2, 2]);
  await clock.advance(2 * DAY_MS);
  await closed();
  expect(rows('executions', 'frames')).toEqual([3, 2]);
  const eventsOfThree = rows('history');
  await clock.advance(80 * DAY_MS);
  await closed();
  expect(rows('executions', 'frames')).toEqual([3, 1]);
  expect(rows('history')).toEqual(eventsOfThree);
});
