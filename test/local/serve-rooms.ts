import { RunningClock } from '../../local/kernel/clock.ts';
import { CloudServer } from '../../local/kernel/server.ts';
import type { CloudContext, Service } from '../../local/kernel/service.ts';
import { openStore } from '../../local/kernel/store.ts';

export interface ServeOptions {
  /** Where the state lies. @default in memory */
  readonly directory?: string | undefined;
  /** @default one that starts now */
  readonly clock?: RunningClock;
  /** @default us-east-1 */
  readonly region?: string;
  /** @default Math.random */
  readonly random?: () => number;
  /** Whether the rooms begin what they do by themselves. @default true */
  readonly starts?: boolean;
}

export interface ServedRooms<Rooms> {
  readonly rooms: Rooms;
  readonly context: CloudContext;
  readonly clock: RunningClock;
  readonly endpoint: string;
  /** What an SDK client needs in order to talk to them; it does not retry by itself. */
  readonly client: {
    readonly endpoint: string;
    readonly region: string;
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
    readonly maxAttempts: number;
  };
  stop(): Promise<void>;
}

/** Some of the local cloud's rooms behind a port of their own, without a template and without functions. */
export async function serveRooms<Rooms extends Readonly<Record<string, Service>>>(
  make: (context: CloudContext) => Rooms,
  {
    directory,
    clock = new RunningClock(),
    region = 'us-east-1',
    random = Math.random,
    starts = true,
  }: ServeOptions = {},
): Promise<ServedRooms<Rooms>> {
  const store = openStore(directory);
  let endpoint = '';
  const context: CloudContext = {
    clock,
    store,
    region,
    accountId: '000000000000',
    endpoint: () => endpoint,
    random,
  };
  const rooms = make(context);
  const services: readonly Service[] = Object.values(rooms);
  const server = new CloudServer(services, clock);
  endpoint = `http://127.0.0.1:${await server.listen(0)}`;
  if (starts) for (const service of services) service.start?.();
  return {
    rooms,
    context,
    clock,
    endpoint,
    client: {
      endpoint,
      region,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    },
    async stop() {
      await server.close();
      for (const service of services) await service.stop?.();
      clock.stop();
      store.close();
    },
  };
}
