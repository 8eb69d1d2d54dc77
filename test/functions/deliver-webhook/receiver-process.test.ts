import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newStandardSecret } from '../../../shared/webhooks/standard-webhooks.ts';
import { DeliveryLab } from './delivery-lab.ts';

const PROGRAM = fileURLToPath(new URL('receiver-process.ts', import.meta.url));

interface Seen {
  readonly id: string;
  readonly timestamp: string;
  /** The event, or why it is not believed. */
  readonly verified: unknown;
}

let deliveries: DeliveryLab;
beforeAll(async () => {
  deliveries = await DeliveryLab.start();
});
afterAll(() => deliveries.stop());

/** Runs everything to its end, with the receiver's clock beside the cloud's. */
async function drainWith(receiver: ChildProcess): Promise<void> {
  const { cloud } = deliveries.lab;
  for (;;) {
    await deliveries.lab.settle();
    const nextMs = cloud.nextEventMs();
    if (nextMs === undefined) return;
    const passMs = Math.max(1, nextMs - cloud.clock.now());
    const told = new Promise<void>((resolve) => {
      receiver.on('message', function heard(message: { ahead?: number }) {
        if (message.ahead === undefined) return;
        receiver.off('message', heard);
        resolve();
      });
    });
    receiver.send(cloud.clock.now() + passMs - Date.now());
    await told;
    await cloud.clock.pass(passMs);
  }
}

describe('the receiver of docs/webhooks.md', () => {
  const document = readFileSync(new URL('../../../docs/webhooks.md', import.meta.url), 'utf8');
  const [, program = ''] = /^```js\n([\s\S]*?)^```$/m.exec(document) ?? [];

  it.each([
    ['takes what was signed with its secret, once', true, { state: 'completed', attempts: 1 }],
    ['refuses anything else', false, { state: 'dead', verdict: { code: 'HTTP_401' } }],
  ])('%s', async (_what, isTheirs, ended) => {
    const customer = await deliveries.customer();
    const port = await freePort();
    const receiver = spawn(process.execPath, ['--input-type=module', '-e', program], {
      env: {
        ...process.env,
        PORT: String(port),
        WEBHOOK_SECRET: isTheirs ? customer.endpoint.secret : newStandardSecret(),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      let printed = '';
      receiver.stdout.on('data', (chunk) => {
        printed += chunk;
      });
      const url = `http://127.0.0.1:${port}/`;
      await deliveries.lab.until(() => fetch(url).then(Boolean, () => false));
      await deliveries.change(customer, { url });
      const delivery = deliveries.delivery(customer);
      await deliveries.publish(delivery);
      await deliveries.lab.until(async () => (await deliveries.find(delivery))?.state === ended.state);
      expect(await deliveries.record(delivery)).toMatchObject(ended);
      const line = `order.placed { orderId: '${delivery.event.data.orderId}' }\n`;
      await expect.poll(() => printed).toBe(isTheirs ? line : '');
    } finally {
      receiver.kill();
    }
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('a receiver that is another program, built with the library of Standard Webhooks,', () => {
  it('does not believe what was signed with another secret', async () => {
    const receiver = fork(PROGRAM, [newStandardSecret()]);
    try {
      const [{ address }] = (await once(receiver, 'message')) as [{ address: AddressInfo }];
      const customer = await deliveries.customer();
      await deliveries.change(customer, { url: `http://127.0.0.1:${address.port}/hook` });
      const heard = once(receiver, 'message');
      await deliveries.publish(deliveries.delivery(customer));
      expect((await heard)[0]).toMatchObject({ verified: 'No matching signature found' });
      await deliveries.lab.drain();
    } finally {
      receiver.kill();
    }
  });

  it('believes what is sent, at each try, and knows it again by its id', async () => {
    const secret = newStandardSecret();
    const receiver = fork(PROGRAM, [secret, '3']);
    try {
      const [{ address }] = (await once(receiver, 'message')) as [{ address: AddressInfo }];
      const seen: Seen[] = [];
      receiver.on('message', (message: Seen) => {
        if ('verified' in message) seen.push(message);
      });
      const customer = await deliveries.customer();
      await deliveries.change(customer, {
        url: `http://127.0.0.1:${address.port}/hook`,
        secrets: [{ secret }],
      });
      const delivery = deliveries.delivery(customer);
      await deliveries.publish(delivery);
      await drainWith(receiver);
      expect(await deliveries.record(delivery)).toMatchObject({ state: 'completed', attempts: 4 });
      const { id, type, occurredAt: timestamp, data } = delivery.event;
      expect(seen.map(({ verified }) => verified)).toEqual(Array(4).fill({ type, timestamp, data }));
      expect(new Set(seen.map((one) => one.id))).toEqual(new Set([id]));
      const times = seen.map((one) => Number(one.timestamp));
      // 5 s, 5 min and 30 min, and half of each by chance: no former timestamp would be believed any more at the last.
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(new Set(times).size).toBe(4);
      expect((times[3] ?? 0) - (times[2] ?? 0)).toBeGreaterThan(300);
    } finally {
      receiver.kill();
    }
  });
});
