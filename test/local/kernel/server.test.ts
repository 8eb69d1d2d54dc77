import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Service } from '../../../local/kernel/service.ts';
import { type ServedRooms, serveRooms } from '../serve-rooms.ts';

/** A service that answers with the header that its query names, and an endpoint that is open to anybody. */
const echo = (signingName: string): Service => ({
  signingName,
  handle: async ({ query }) => ({ status: 200, headers: { 'x-echo': query.get('echo') ?? '' }, body: 'ok' }),
});
const open: Service = {
  ...echo('open'),
  open: { prefix: '/open/', handle: async () => ({ status: 200, headers: {}, body: 'open' }) },
};

const SIGNED = {
  authorization:
    'AWS4-HMAC-SHA256 Credential=a/20260302/us-east-1/echo/aws4_request, SignedHeaders=host, Signature=0',
};
const link = (service: string) =>
  `/?${new URLSearchParams({ 'X-Amz-Credential': `a/20260302/us-east-1/${service}/aws4_request`, 'X-Amz-Signature': '0' })}`;

let served: ServedRooms<{ echo: Service; s3: Service; open: Service }>;

beforeAll(async () => {
  served = await serveRooms(() => ({ echo: echo('echo'), s3: echo('s3'), open }));
});

afterAll(() => served.stop());

async function ask(headers: Record<string, string>, { method = 'GET', path = '/' } = {}) {
  const { port } = new URL(served.endpoint);
  const asked = request({ host: '127.0.0.1', port, method, path, headers });
  asked.end();
  const [response] = await once(asked, 'response');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode as number, text };
}

describe('the port of the local cloud', () => {
  it.each([
    '127.0.0.1',
    'localhost',
    'LOCALHOST',
    'bucket.localhost',
    'bucket.127.0.0.1',
    's3.us-east-1.localhost',
  ])('is asked for as %s', async (name) => {
    const { port } = new URL(served.endpoint);
    expect((await ask({ ...SIGNED, host: `${name}:${port}` })).status).toBe(200);
    expect((await ask({ ...SIGNED, host: name })).status).toBe(200);
  });

  it.each([
    'rebound.example',
    'localhost.rebound.example',
    '127.0.0.1.rebound.example',
    'notlocalhost',
    'bucket.s3.us-east-1.amazonaws.com',
    '192.168.0.2',
    'localhost@rebound.example',
  ])('refuses who asks for "%s", a name that may be a page’s own', async (host) => {
    const { status, text } = await ask({ ...SIGNED, host });
    expect(status).toBe(403);
    expect(JSON.parse(text)).toMatchObject({
      __type: 'AccessDeniedException',
      message: expect.stringContaining(`It was asked for as "${host}".`),
    });
  });

  it.each([
    ['of another origin', { origin: 'https://page.example' }, /of the origin https:\/\/page\.example\./],
    ['that hides its origin', { origin: 'null' }, /of the origin null\./],
    ['of another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, /of another site\./],
    [
      'of another site, by a link',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
      /of another site\./,
    ],
  ])('refuses a page %s', async (_, headers, message) => {
    const { status, text } = await ask({ ...SIGNED, ...headers }, { method: 'POST' });
    expect(status).toBe(403);
    expect(JSON.parse(text).message).toMatch(message);
  });

  it('serves a page of this machine, and a link to an object wherever it was followed', async () => {
    expect(
      (await ask({ ...SIGNED, origin: 'http://localhost:3000', 'sec-fetch-site': 'same-site' })).status,
    ).toBe(200);
    const followed = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect((await ask(followed, { path: link('s3') })).status).toBe(200);
    expect((await ask(followed, { path: link('s3'), method: 'POST' })).status).toBe(403);
    expect((await ask(followed, { path: link('echo') })).status).toBe(403);
  });

  it('takes who asks from the query only where that is signed', async () => {
    expect((await ask({}, { path: link('echo') })).status).toBe(200);
    const unsigned = await ask({}, { path: link('echo').replace('X-Amz-Signature', 'x-other') });
    expect(unsigned).toMatchObject({ status: 501, text: expect.stringContaining('use an AWS SDK') });
  });

  it('answers anybody where a service says so', async () => {
    const headers = {
      host: 'tunnel.example',
      origin: 'https://page.example',
      'sec-fetch-site': 'cross-site',
    };
    expect(await ask(headers, { method: 'POST', path: '/open/a' })).toEqual({ status: 200, text: 'open' });
  });

  it('answers 500 where a service gives a header that HTTP cannot carry, and goes on', async () => {
    const { status, text } = await ask(SIGNED, { path: `/?echo=${encodeURIComponent('–')}` });
    expect(status).toBe(500);
    expect(text).toMatch(/The local cloud failed: .*Invalid character in header content \["x-echo"\]/s);
    expect((await ask(SIGNED)).text).toBe('ok');
  });
});
