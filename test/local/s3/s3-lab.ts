import { S3Client } from '@aws-sdk/client-s3';
import { RunningClock } from '../../../local/kernel/clock.ts';
import { S3 } from '../../../local/s3/index.ts';
import { serveRooms } from '../serve-rooms.ts';

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
  const served = await serveRooms((context) => ({ s3: new S3(context) }), {
    directory,
    clock: new RunningClock({ startMs: START_MS }),
    random: () => 0.5,
  });
  const client = new S3Client(served.client);
  return {
    s3: served.rooms.s3,
    client,
    clock: served.clock,
    endpoint: served.endpoint,
    async stop() {
      client.destroy();
      await served.stop();
    },
  };
}
