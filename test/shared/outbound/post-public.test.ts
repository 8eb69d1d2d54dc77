import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PostPublicOptions, postPublic } from '../../../shared/outbound/post-public.ts';
import { TlsServer } from './tls-server.ts';

let server: TlsServer;
let requests: { request: IncomingMessage; body: string }[] = [];
let answer: (response: ServerResponse, request: IncomingMessage) => void;

beforeAll(async () => {
  server = await TlsServer.start('receiver.example', async (request, response) => {
    requests.push({ request, body: await text(request) });
    answer(response, request);
  });
});
afterAll(() => server.stop());
beforeEach(() => {
  requests = [];
  answer = (response) => response.writeHead(204).end();
});

const HERE = { address: '127.0.0.1', family: 4 };

const options = (changes: Partial<PostPublicOptions> = {}): PostPublicOptions => ({
  body: '{"type":"order.placed"}',
  headers: { 'content-type': 'application/json', 'webhook-id': 'evt-1' },
  mostBytes: 1000,
  timeoutSeconds: 5,
  allowLoopback: true,
  ca: server.ca,
  resolve: async () => [HERE],
  ...changes,
});
const posted = (changes: Partial<PostPublicOptions> = {}, path = '/hook?key=1') =>
  postPublic(`https://receiver.example:${server.port}${path}`, options(changes));

describe('a post', () => {
  it('brings its body and headers, under the name that was registered', async () => {
    await posted({ body: '{"name":"Žižka"}' });
    const [{ request, body } = { request: undefined, body: '' }] = requests;
    expect(body).toBe('{"name":"Žižka"}');
    expect(request).toMatchObject({ method: 'POST', url: '/hook?key=1' });
    expect(request?.headers).toMatchObject({
      host: `receiver.example:${server.port}`,
      'content-length': String(Buffer.byteLength('{"name":"Žižka"}')),
      'webhook-id': 'evt-1',
    });
  });

  it.each([200, 204, 301, 304, 307, 400, 410, 429, 500, 599])(
    'is answered %i as it is, and nothing is followed',
    async (status) => {
      answer = (response) =>
        response
          .writeHead(status, { location: `https://127.0.0.1:${server.port}/internal`, 'retry-after': '7' })
          .end();
      expect(await posted()).toEqual({ status, headers: { 'retry-after': '7' }, body: '' });
      expect(requests).toHaveLength(1);
    },
  );

  it('keeps no header of the answer but Retry-After', async () => {
    answer = (response) => response.writeHead(200, { 'set-cookie': 'a=b', 'x-secret': 'c' }).end('ok');
    expect(await posted()).toEqual({ status: 200, headers: {}, body: 'ok' });
  });
});

describe('an answer', () => {
  it('that is giant is cut, and its connection is left', async () => {
    let gone = false;
    answer = (response, request) => {
      request.socket.on('close', () => {
        gone = true;
      });
      response.writeHead(200);
      const write = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', write);
      };
      write();
    };
    const { status, body } = await posted();
    expect({ status, bytes: body.length }).toEqual({ status: 200, bytes: 1000 });
    await expect.poll(() => gone).toBe(true);
  });

  it('whose body never ends has told its status', async () => {
    answer = (response) => response.writeHead(200).write('so far');
    const began = Date.now();
    expect(await posted({ timeoutSeconds: 30 })).toEqual({ status: 200, headers: {}, body: 'so far' });
    expect(Date.now() - began).toBeLessThan(10_000);
  });

  it('whose body outlasts the time has told its status too', async () => {
    answer = (response) => response.writeHead(503).write('so far');
    expect(await posted({ timeoutSeconds: 1 })).toEqual({ status: 503, headers: {}, body: 'so far' });
  });

  it('that breaks off in its body has told its status', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    };
    expect(await posted()).toEqual({ status: 200, headers: {}, body: 'half' });
  });

  it('that never comes is not waited for, and the request may have arrived', async () => {
    answer = () => {};
    await expect(posted({ timeoutSeconds: 0.3 })).rejects.toMatchObject({
      code: 'TIMEOUT',
      passing: true,
      sent: true,
    });
  });

  it('that breaks off before its status is none', async () => {
    answer = (response) => response.destroy();
    await expect(posted()).rejects.toMatchObject({ code: 'NO_ANSWER', passing: true, sent: true });
  });

  it.each([
    ['with half a header', 'HTTP/1.1 200 OK\r\ncontent-ty'],
    ['in another language', '220 mail.example ESMTP\r\n'],
    ['with headers that do not end', `HTTP/1.1 200 OK\r\n${'x-filler: 0123456789\r\n'.repeat(10_000)}`],
    [
      'that changes the protocol',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: other\r\nconnection: upgrade\r\n\r\n',
    ],
    ['of many interim ones', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(50)],
  ])('%s is none', async (_what, bytes) => {
    const raw = await rawServer((socket) => {
      socket.once('data', () => socket.end(bytes));
    });
    await expect(postPublic(raw.url, options())).rejects.toMatchObject({ code: 'NO_ANSWER', passing: true });
    raw.stop();
  });

  it.each([
    ['interim ones', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
    ['interim ones with long headers', `HTTP/1.1 103 Early Hints\r\nlink: ${'x'.repeat(10_000)}\r\n\r\n`],
    ['empty lines', '\r\n'.repeat(1000)],
  ])('that is a flood of %s is left long before its time is over', async (_what, piece) => {
    const raw = await rawServer((socket) => flood(socket, piece));
    const began = Date.now();
    await expect(postPublic(raw.url, options({ timeoutSeconds: 15 }))).rejects.toMatchObject({
      code: 'NO_ANSWER',
      passing: true,
      sent: true,
    });
    expect(Date.now() - began).toBeLessThan(10_000);
    raw.stop();
  });

  it('that comes after interim ones is the answer', async () => {
    const raw = await rawServer((socket) => {
      socket.once('data', () =>
        socket.end(`${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(8)}HTTP/1.1 204 No Content\r\n\r\n`),
      );
    });
    expect(await postPublic(raw.url, options())).toMatchObject({ status: 204 });
    raw.stop();
  });

  it('that drips its headers is waited for no longer than any other', async () => {
    const raw = await rawServer((socket) => {
      const drip = setInterval(() => socket.write('x'), 20);
      socket.on('error', () => {});
      socket.on('close', () => clearInterval(drip));
      socket.write('HTTP/1.1 200 OK\r\nx-drip: ');
    });
    const began = Date.now();
    await expect(postPublic(raw.url, options({ timeoutSeconds: 0.5 }))).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    expect(Date.now() - began).toBeLessThan(3000);
    raw.stop();
  });
});

describe('a request certainly reached nobody', () => {
  it('when nobody listens', async () => {
    const raw = await rawServer(() => {});
    raw.stop();
    await expect(postPublic(raw.url, options())).rejects.toMatchObject({
      code: 'NO_ANSWER',
      passing: true,
      sent: false,
    });
  });

  it('when the name leads nowhere', async () => {
    const failing = async (): Promise<LookupAddress[]> => {
      throw Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' });
    };
    await expect(posted({ resolve: failing })).rejects.toMatchObject({
      code: 'NO_ANSWER',
      message: 'receiver.example did not answer: ENOTFOUND.',
      sent: false,
    });
    await expect(posted({ resolve: async () => [] })).rejects.toMatchObject({
      code: 'NO_ANSWER',
      sent: false,
    });
  });

  it('when the name server does not answer', async () => {
    const silent = () => new Promise<never>(() => {});
    await expect(posted({ resolve: silent, timeoutSeconds: 0.2 })).rejects.toMatchObject({
      code: 'TIMEOUT',
      sent: false,
    });
  });

  it('when the other end does not prove its name', async () => {
    const other = postPublic(`https://other.example:${server.port}/`, options());
    await expect(other).rejects.toMatchObject({ code: 'NO_ANSWER', sent: false });
    expect(requests).toEqual([]);
  });

  it('when its sender had given up before, for the sender’s own reason', async () => {
    const reason = new Error('the run was aborted');
    await expect(posted({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(requests).toEqual([]);
  });
});

describe('a name', () => {
  const publicOne = { address: '93.184.216.34', family: 4 };

  it.each([
    ['a private address', [{ address: '10.0.0.1', family: 4 }]],
    ['the address of the cloud’s metadata', [{ address: '169.254.169.254', family: 4 }]],
    ['a carrier’s address', [{ address: '100.64.0.1', family: 4 }]],
    ['a mapped address', [{ address: '::ffff:127.0.0.1', family: 6 }]],
    ['a translated address', [{ address: '64:ff9b::a00:1', family: 6 }]],
    ['a link-local address with its zone', [{ address: 'fe80::1%eth0', family: 6 }]],
    ['several, of which the first is private', [{ address: '10.0.0.1', family: 4 }, publicOne]],
    ['several, of which the last is private', [publicOne, publicOne, { address: '192.168.0.1', family: 4 }]],
    ['several, of which one is no address', [publicOne, { address: '0x7f.1', family: 4 }]],
  ])('that leads to %s is refused', async (_what, addresses) => {
    const refused = posted({ allowLoopback: false, resolve: async () => addresses });
    await expect(refused).rejects.toMatchObject({ code: 'NOT_PUBLIC', passing: false, sent: false });
    expect(requests).toEqual([]);
  });

  it('that leads to this machine is refused where that is not allowed', async () => {
    await expect(posted({ allowLoopback: false })).rejects.toMatchObject({ code: 'NOT_PUBLIC' });
    expect(requests).toEqual([]);
  });

  it('that leads elsewhere once it was looked at leads nobody there: it is asked for once', async () => {
    const answers = [[HERE], [{ address: '10.0.0.1', family: 4 }]];
    let asked = 0;
    const resolve = async () => answers[asked++] ?? [];
    await posted({ resolve });
    expect(asked).toBe(1);
    expect(requests).toHaveLength(1);
    // And is looked at anew for the next request.
    await expect(posted({ resolve })).rejects.toMatchObject({ code: 'NOT_PUBLIC' });
  });
});

describe('a server that takes its time to connect', () => {
  const SIX = { address: '::1', family: 6 };

  it.each([
    ['and has no other address', [HERE]],
    ['and whose other address, of IPv6, is not reached from here', [HERE, SIX]],
    ['and has many of both', [HERE, HERE, HERE, HERE, SIX, SIX, SIX, SIX]],
  ])('%s is reached', async (_what, addresses) => {
    const slow = await SlowToConnect.start();
    const answered = postPublic(
      `https://receiver.example:${slow.port}/`,
      options({ timeoutSeconds: 15, resolve: async () => addresses }),
    );
    // It hangs up on whoever has reached it: what matters is that somebody did.
    await expect(answered).rejects.toMatchObject({ code: 'NO_ANSWER', cause: { code: 'ECONNRESET' } });
    await slow.stop();
  });

  it('and hangs is no reason to wait for it beyond the time', async () => {
    const slow = await SlowToConnect.start();
    const many = Array.from({ length: 40 }, () => HERE);
    const began = Date.now();
    await expect(
      postPublic(
        `https://receiver.example:${slow.port}/`,
        options({ timeoutSeconds: 0.5, resolve: async () => many }),
      ),
    ).rejects.toMatchObject({ passing: true, sent: false });
    expect(Date.now() - began).toBeLessThan(3000);
    await slow.stop();
  });
});

it('says nothing of an address beyond its host: the rest may be a secret', async () => {
  answer = (response) => response.destroy();
  const error = await posted({}, '/hook?token=secret').catch((refused: Error) => refused);
  expect(JSON.stringify([(error as Error).message, ((error as Error).cause as Error).message])).not.toContain(
    'secret',
  );
});

/** Sends without end. */
function flood(socket: Socket, piece: string): void {
  const chunk = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
  const write = (): void => {
    while (!socket.destroyed && socket.write(chunk));
    if (!socket.destroyed) socket.once('drain', write);
  };
  socket.on('error', () => {});
  socket.once('data', write);
}

/** Takes no connection for 0.6 s, since its queue of them is full: who wants one asks the network again after a second. Then it hangs up on each. */
class SlowToConnect {
  readonly port: number;
  readonly #worker: Worker;
  readonly #filling: Socket[];

  private constructor(port: number, worker: Worker, filling: Socket[]) {
    this.port = port;
    this.#worker = worker;
    this.#filling = filling;
  }

  static async start(): Promise<SlowToConnect> {
    const worker = new Worker(
      `const { parentPort } = require('node:worker_threads');
       const asleep = new Int32Array(new SharedArrayBuffer(4));
       const server = require('node:net').createServer((socket) => socket.resetAndDestroy());
       server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
         parentPort.postMessage(server.address().port);
         parentPort.once('message', () => Atomics.wait(asleep, 0, 0, 600));
         Atomics.wait(asleep, 0, 0, 300);
       });`,
      { eval: true },
    );
    const [port] = (await once(worker, 'message')) as [number];
    worker.postMessage('sleep on');
    const filling = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => {}));
    await new Promise((resolve) => setTimeout(resolve, 100));
    return new SlowToConnect(port, worker, filling);
  }

  async stop(): Promise<void> {
    for (const socket of this.#filling) socket.destroy();
    await this.#worker.terminate();
  }
}

/** Answers by bytes alone, without TLS. */
async function rawServer(serve: (socket: Socket) => void): Promise<{ url: string; stop(): void }> {
  const sockets = new Set<Socket>();
  const raw = createServer((socket) => {
    sockets.add(socket);
    serve(socket);
  });
  raw.listen(0, '127.0.0.1');
  await once(raw, 'listening');
  return {
    url: `http://127.0.0.1:${(raw.address() as AddressInfo).port}/`,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      raw.close();
    },
  };
}
