import { GetFunctionUrlConfigCommand, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UrlCloud } from './lambda-url-cloud.ts';

let cloud: UrlCloud;
let made: { readonly name: string; readonly url: string };

beforeAll(async () => {
  cloud = await UrlCloud.open();
  made = await cloud.function();
}, 90_000);

afterAll(() => cloud.close());

/** The event that the function got. */
async function eventOf(asked: Parameters<UrlCloud['ask']>[1]) {
  return JSON.parse((await cloud.ask(made, asked)).text);
}

const answering = (answer: string) => cloud.ask(made, { path: `/?answer=${answer}` });

describe('a Lambda function URL gives the function an event of payload format 2.0', () => {
  it('with the path and the query as they came', async () => {
    const event = await eventOf({
      path: '/my/path?parameter1=value%201&parameter1=value2&parameter2=',
    });
    expect(event).toMatchObject({
      version: '2.0',
      routeKey: '$default',
      rawQueryString: 'parameter1=value%201&parameter1=value2&parameter2=',
      queryStringParameters: { parameter1: 'value 1,value2', parameter2: '' },
      requestContext: { routeKey: '$default', stage: '$default', http: { method: 'GET' } },
      isBase64Encoded: false,
    });
    expect([event.rawPath, event.requestContext.http.path]).toEqual(['/my/path', '/my/path']);
    expect(event).not.toHaveProperty('body');
  });

  it('with the names of headers in lower case', async () => {
    const { headers, requestContext } = await eventOf({
      headers: { 'X-Own': 'Value', 'User-Agent': 'suite/1' },
    });
    expect(headers).toMatchObject({ 'x-own': 'Value', 'user-agent': 'suite/1' });
    expect(requestContext.http.userAgent).toBe('suite/1');
  });

  it('with duplicate headers combined with commas', async () => {
    const { headers } = await eventOf({ headers: { 'x-own': ['one', 'two'] } });
    expect(headers['x-own']).toBe('one,two');
  });

  it('with the cookies in a list of their own', async () => {
    const { cookies } = await eventOf({ headers: { cookie: 'first=1; second=2' } });
    expect(cookies).toEqual(['first=1', 'second=2']);
  });

  it.each(['text/plain; charset=utf-8', 'application/json', 'application/cloudevents+json'])(
    'with a body of %s as text',
    async (type) => {
      const event = await eventOf({ method: 'POST', headers: { 'content-type': type }, body: '{"a":"b"}' });
      expect(event).toMatchObject({ body: '{"a":"b"}', isBase64Encoded: false });
    },
  );

  it('with a text that is not of ASCII alone as text', async () => {
    const headers = { 'content-type': 'application/json' };
    const event = await eventOf({ method: 'POST', headers, body: '{"a":"ü€😀"}' });
    expect(event).toMatchObject({ body: '{"a":"ü€😀"}', isBase64Encoded: false });
  });

  it.each(['application/octet-stream', 'image/png'])('with a body of %s in base64', async (type) => {
    const body = Buffer.from([0x61, 0x3d, 0x00, 0xff]);
    const event = await eventOf({ method: 'PUT', headers: { 'content-type': type }, body });
    expect(event).toMatchObject({ body: body.toString('base64'), isBase64Encoded: true });
  });

  it('with the method, the address and the time of the request', async () => {
    const { requestContext } = await eventOf({ method: 'DELETE' });
    expect(requestContext.http).toMatchObject({ method: 'DELETE', protocol: 'HTTP/1.1' });
    expect(requestContext.domainName).toContain(requestContext.apiId);
    expect(requestContext.domainPrefix).toBe(requestContext.apiId);
    expect(requestContext.time).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
    expect(Math.abs(requestContext.timeEpoch - Date.now())).toBeLessThan(600_000);
  });
});

describe('a Lambda function URL makes an HTTP response of what the function returns', () => {
  it('assumes 200 and JSON where an object has no statusCode', async () => {
    const { status, headers, text } = await answering('object');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(text)).toEqual({ message: 'Hello, world!' });
  });

  it('sends a string with its quotes, as the JSON that it is', async () => {
    const { status, headers, text } = await answering('text');
    expect([status, headers['content-type'], text]).toEqual([200, 'application/json', '"Hello, world!"']);
    expect(headers['content-length']).toBe('15');
  });

  it('sends status, headers and body of a custom response', async () => {
    const { status, headers, text } = await answering('custom');
    expect([status, text]).toEqual([201, 'grüezi']);
    expect(headers).toMatchObject({
      'content-type': 'text/x-own; charset=utf-8',
      'my-custom-header': 'Custom Value',
    });
  });

  it('decodes a body that is in base64', async () => {
    const { body, headers } = await answering('bytes');
    expect([...body]).toEqual([0, 255, 128, 10]);
    expect(headers['content-type']).toBe('application/octet-stream');
  });

  it('sends each cookie in a set-cookie header of its own', async () => {
    const { headers } = await answering('cookies');
    expect(headers['set-cookie']).toEqual(['first=1; Secure', 'second=2']);
  });

  it('sends a refusal as it is', async () => {
    const { status, text } = await answering('refusal');
    expect([status, text]).toEqual([422, '{"reason":"no"}']);
  });

  it('answers 502 for a response that is none', async () => {
    expect((await answering('malformed')).status).toBe(502);
  });

  it('answers 502 when the function fails, and says nothing of why', async () => {
    const { status, text } = await answering('failure');
    expect(status).toBe(502);
    expect(text).not.toContain('as asked');
  });

  it('answers 502 when the function times out', async () => {
    const hasty = await cloud.function({ timeoutSeconds: 1 });
    expect((await cloud.ask(hasty, { path: '/?answer=slow' })).status).toBe(502);
  }, 90_000);
});

describe('a Lambda function URL of AuthType NONE', () => {
  it('is told by GetFunctionUrlConfig', async () => {
    const told = await cloud.client.send(new GetFunctionUrlConfigCommand({ FunctionName: made.name }));
    expect(told).toMatchObject({ FunctionUrl: made.url, AuthType: 'NONE' });
  });

  it.each([
    ['no permission', []],
    ['lambda:InvokeFunctionUrl alone', ['InvokeFunctionUrl']],
    ['lambda:InvokeFunction alone', ['InvokeFunction']],
  ] as const)(
    'answers 403 where the policy of its function grants everybody %s',
    async (_, grants) => {
      const closed = await cloud.function({ grants });
      expect((await cloud.ask(closed)).status).toBe(403);
    },
    90_000,
  );

  it('answers 429 while the reserved concurrency of its function is used up', async () => {
    const bounded = await cloud.function();
    await reserve(bounded.name, 1);
    // The first one starts the function; what starts meanwhile would be too fast.
    await cloud.ask(bounded);
    const answers = await Promise.all([1, 2, 3].map(() => cloud.ask(bounded, { path: '/?answer=held' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 429, 429]);
  }, 90_000);

  it('answers 429 to all with a reserved concurrency of 0, which is how it is deactivated', async () => {
    const deactivated = await cloud.function();
    await reserve(deactivated.name, 0);
    expect((await cloud.ask(deactivated)).status).toBe(429);
  }, 90_000);
});

async function reserve(FunctionName: string, ReservedConcurrentExecutions: number): Promise<void> {
  await cloud.client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions }));
}
