import { DynamoDb } from '../../local/dynamodb/index.ts';
import { RunningClock } from '../../local/kernel/clock.ts';
import { CloudServer } from '../../local/kernel/server.ts';
import type { CloudContext } from '../../local/kernel/service.ts';
import { openStore } from '../../local/kernel/store.ts';
import { Ses } from '../../local/ses/index.ts';
import { Sqs } from '../../local/sqs/index.ts';

/** The services that hold state, opened on it without the functions that would change it. */
export async function openState(directory: string) {
  const store = openStore(directory);
  const clock = new RunningClock();
  let endpoint = '';
  const context: CloudContext = {
    clock,
    store,
    region: 'us-east-1',
    accountId: '000000000000',
    endpoint: () => endpoint,
    random: Math.random,
  };
  const services = { sqs: new Sqs(context), dynamodb: new DynamoDb(context), ses: new Ses(context) };
  const server = new CloudServer(Object.values(services), clock);
  endpoint = `http://127.0.0.1:${await server.listen(0)}`;
  return {
    ...services,
    endpoint,
    close: async () => {
      await server.close();
      clock.stop();
      store.close();
    },
  };
}
