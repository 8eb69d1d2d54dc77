import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FetchPublicOptions, fetchPublic } from '../../../shared/outbound/fetch-public.ts';
import { TlsServer } from './tls-server.ts';

let server: TlsServer;
let port: number;
let ca: string;
let requests: IncomingMessage[] = [];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

beforeAll(async () => {
  server = await TlsServer.start('pictures.example', (request, response) => {
    requests.push(request);
    answer(request, response);
  });
  ({ port, ca } = server);
});
afterAll(() => server.stop());
beforeEach(() => {
  requests = [];
  answer = (_, response) => response.end('picture');
});

const fetched = (changes: Partial<FetchPublicOptions> = {}, path = '/a.jpg') =>
  fetchPublic(`https://pictures.example:${port}${path}`, {
    mostBytes: 1000,
    timeoutSeconds: 5,
    allowLoopback: true,
    ca,
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    ...changes,
  });

describe('what is at an address', () => {
  it('is read, over a connection that is made for it under its own name', async () => {
    expect(Buffer.from(await fetched()).toString()).toBe('picture');
    expect(requests[0]?.headers.host).toBe(`pictures.example:${port}`);
    expect(requests[0]?.url).toBe('/a.jpg');
  });

  it('may be as long as is allowed, and not one byte longer, whether it says its length or not', async () => {
    answer = (_, response) => response.end('x'.repeat(1000));
    expect(await fetched()).toHaveLength(1000);
    answer = (_, response) => response.end('x'.repeat(1001));
    await expect(fetched()).rejects.toMatchObject({ code: 'TOO_LARGE', passing: false });
    answer = (_, response) => {
      response.write('x'.repeat(900));
      setTimeout(() => response.end('x'.repeat(900)), 20);
    };
    await expect(fetched()).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });

  it('that never ends is left after a while', async () => {
    let gone = false;
    answer = (request, response) => {
      request.socket.on('close', () => {
        gone = true;
      });
      response.write('x');
    };
    await expect(fetched({ timeoutSeconds: 0.3 })).rejects.toMatchObject({ code: 'TIMEOUT', passing: true });
    await expect.poll(() => gone).toBe(true);
  });

  it('that breaks off is no answer', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('x');
      setTimeout(() => response.destroy(), 20);
    };
    await expect(fetched()).rejects.toMatchObject({ code: 'NO_ANSWER', passing: true });
  });

  it.each([
    [301, { code: 'REDIRECT', passing: false }],
    [304, { code: 'REDIRECT', passing: false }],
    [403, { code: 'STATUS', passing: false }],
    [404, { code: 'STATUS', passing: false }],
    [429, { code: 'STATUS', passing: true }],
    [503, { code: 'STATUS', passing: true }],
  ] as const)('and answers %i is refused, and no redirect is followed', async (status, refusal) => {
    answer = (_, response) =>
      response.writeHead(status, { location: `https://127.0.0.1:${port}/b.jpg` }).end();
    await expect(fetched()).rejects.toMatchObject(refusal);
    expect(requests).toHaveLength(1);
  });
});

describe('no connection is made', () => {
  it.each([
    ['http://pictures.example/a.jpg', 'NOT_HTTPS'],
    ['file:///etc/passwd', 'NOT_HTTPS'],
    ['pictures.example', 'NOT_HTTPS'],
    ['https://user:secret@pictures.example/a.jpg', 'USER_INFO'],
    ['https://127.0.0.1/a.jpg', 'NOT_PUBLIC'],
    // The same address, written otherwise.
    ['https://2130706433/a.jpg', 'NOT_PUBLIC'],
    ['https://0x7f.1/a.jpg', 'NOT_PUBLIC'],
    ['https://[::1]/a.jpg', 'NOT_PUBLIC'],
    ['https://[::ffff:169.254.169.254]/a.jpg', 'NOT_PUBLIC'],
    ['https://169.254.169.254/latest/meta-data/', 'NOT_PUBLIC'],
    ['https://10.0.0.1/a.jpg', 'NOT_PUBLIC'],
  ])('to %s', async (address, code) => {
    const refused = fetchPublic(address, { mostBytes: 1000, timeoutSeconds: 5 });
    await expect(refused).rejects.toMatchObject({ name: 'OutboundRefused', code, passing: false });
  });

  it('to a name that resolves to an address of our own, even as one of several', async () => {
    const resolve = async () => [
      { address: '93.184.216.34', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    await expect(fetched({ allowLoopback: false, resolve })).rejects.toMatchObject({ code: 'NOT_PUBLIC' });
    await expect(
      fetched({ resolve: async () => [{ address: '10.0.0.1', family: 4 }] }),
    ).rejects.toMatchObject({ code: 'NOT_PUBLIC' });
    expect(requests).toEqual([]);
  });

  it('to what a name leads to once it has been looked at: it is resolved once', async () => {
    let asked = 0;
    const resolve = async () => {
      asked++;
      return [{ address: '127.0.0.1', family: 4 }];
    };
    await fetched({ resolve });
    expect(asked).toBe(1);
  });

  it('under a certificate of another name', async () => {
    const other = fetchPublic(`https://other.example:${port}/`, {
      mostBytes: 1000,
      timeoutSeconds: 5,
      allowLoopback: true,
      ca,
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    });
    await expect(other).rejects.toMatchObject({ code: 'NO_ANSWER' });
    expect(requests).toEqual([]);
  });

  it('for one who has given up, and the reason is theirs', async () => {
    const reason = new Error('the run was aborted');
    await expect(fetched({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

it('says nothing of an address beyond its host: the rest may be a secret', async () => {
  answer = (_, response) => response.writeHead(404).end();
  await expect(fetched({}, '/a.jpg?token=secret')).rejects.toMatchObject({
    message: 'pictures.example answered 404.',
  });
});
