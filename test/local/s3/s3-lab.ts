import { S3Client } from '@aws-sdk/client-s3';
import { RunningClock } from '../../../local/kernel/clock.ts';
import { CloudServer } from '../../../local/kernel/server.ts';
import type { CloudContext } from '../../../local/kernel/service.ts';
import { openStore } from '../../../local/kernel/store.ts';
import { S3 } from '../../../local/s3/index.ts';

export interface S3Lab {
  readonly s3: S3;
  readonly client: S3Client;
  readonly clock: RunningClock;
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Noon, so that a day's end is hours away. */
export const START_MS = Date.parse('2026-03-02T12:00:00.000Z');

/** S3 alone on a port of its own, its state in `directory` or in memory; the client does not retry by itself. */
export async function s3Lab(directory?: string): Promise<S3Lab> {
  const clock = new RunningClock({ startMs: START_MS });
  const store = openStore(directory);
  let endpoint = '';
  const context: CloudContext = {
    clock,
    store,
    region: 'us-east-1',
    accountId: '000000000000',
    endpoint: () => endpoint,
    random: () => 0.5,
  };
  const s3 = new S3(context);
  const server = new CloudServer([s3], clock);
  endpoint = `http://127.0.0.1:${await server.listen(0)}`;
  const client = new S3Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  return {
    s3,
    client,
    clock,
    endpoint,
    async stop() {
      client.destroy();
      await server.close();
      clock.stop();
      store.close();
    },
  };
}
