import { setTimeout as sleep } from 'node:timers/promises';
import { consume } from '../../shared/consumer/index.ts';
import { PROVIDER_MS, waiting } from './contract.ts';

export const handler = consume(waiting, async (_, { signal }) => {
  await sleep(PROVIDER_MS, undefined, { signal });
});
