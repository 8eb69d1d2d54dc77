import { once } from 'node:events';
import { connect } from 'node:net';
import { GetFunctionUrlConfigCommand, ListFunctionUrlConfigsCommand } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startLocalCloud } from '../../../local/cloud.ts';
import { type FunctionCloud, functionAssembly, functionResource, startFunctions } from './function-cloud.ts';

const url = (target: string, properties: object = {}) => ({
  Type: 'AWS::Lambda::Url',
  Properties: { AuthType: 'NONE', TargetFunctionArn: { 'Fn::GetAtt': [target, 'Arn'] }, ...properties },
});
const permission = (target: string, properties: object) => ({
  Type: 'AWS::Lambda::Permission',
  Properties: { FunctionName: { 'Fn::GetAtt': [target, 'Arn'] }, Principal: '*', ...properties },
});
const open = (target: string) => ({
  [`${target}Url`]: url(target),
  [`${target}Public`]: permission(target, {
    Action: 'lambda:InvokeFunctionUrl',
    FunctionUrlAuthType: 'NONE',
  }),
  [`${target}ViaUrl`]: permission(target, { Action: 'lambda:InvokeFunction', InvokedViaFunctionUrl: true }),
});

let functions: FunctionCloud;
let probe: string;
let bounded: string;

beforeAll(async () => {
  functions = await startFunctions(
    {
      Probe: functionResource('probe'),
      ...open('Probe'),
      Bounded: functionResource('probe', { FunctionName: 'bounded', ReservedConcurrentExecutions: 1 }),
      ...open('Bounded'),
      Closed: functionResource('probe', { FunctionName: 'closed' }),
      ClosedUrl: url('Closed'),
    },
    { maxWorkers: 1 },
  );
  [probe = '', bounded = ''] = functions.cloud.deployment
    .ofType('AWS::Lambda::Url')
    .map(({ attributes }) => attributes.FunctionUrl ?? '');
});

afterAll(() => functions.stop());

/** So that what one test asked for is not within the second of the next. */
beforeEach(() => functions.cloud.clock.advance(2_000));

const statusOf = async (address: string, init: RequestInit = {}) => (await fetch(address, init)).status;
const post = (body: Buffer) => statusOf(probe, { method: 'POST', body: new Uint8Array(body) });

describe('a function URL of the template', () => {
  it('lies on the port of the cloud and needs no signature', async () => {
    expect(probe).toMatch(new RegExp(`^${functions.cloud.endpoint}/lambda-url/[0-9a-f]{32}/$`));
    const answer = await fetch(`${probe}a/b?c=d`, { method: 'POST', body: 'e' });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ rawPath: '/a/b', rawQueryString: 'c=d', body: 'e' });
  });

  it('is told by the API', async () => {
    const configuration = { FunctionUrl: probe, AuthType: 'NONE', InvokeMode: 'BUFFERED' };
    const FunctionName = 'probe';
    const { client } = functions;
    expect(await client.send(new GetFunctionUrlConfigCommand({ FunctionName }))).toMatchObject(configuration);
    const { FunctionUrlConfigs } = await client.send(new ListFunctionUrlConfigsCommand({ FunctionName }));
    expect(FunctionUrlConfigs).toEqual([expect.objectContaining(configuration)]);
  });

  it('is the same at each deployment', async () => {
    const resources = { Probe: functionResource('probe'), ...open('Probe') };
    const cloud = await startLocalCloud({ assembly: functionAssembly(resources) });
    const [again] = cloud.deployment.ofType('AWS::Lambda::Url');
    expect(new URL(again?.attributes.FunctionUrl ?? '').pathname).toBe(new URL(probe).pathname);
    await cloud.stop();
  });

  it('that is not there answers 403, as one whose function is not public', async () => {
    expect(await statusOf(`${functions.cloud.endpoint}/lambda-url/nothing/`)).toBe(403);
    const { FunctionUrl = '' } = await functions.client.send(
      new GetFunctionUrlConfigCommand({ FunctionName: 'closed' }),
    );
    expect(await statusOf(FunctionUrl)).toBe(403);
  });

  it('takes what becomes an event of no more than 6 MB, and answers 413 beyond', async () => {
    // A body that is no text grows by a third in the event.
    expect(await post(Buffer.alloc(4_600_000, 1))).toBe(200);
    expect(await post(Buffer.alloc(4_800_000, 1))).toBe(413);
  });

  it('answers 502 when the response is over 6 MB', async () => {
    expect(await statusOf(`${probe}?do=large`)).toBe(502);
  });

  it('answers 502 to a cookie that HTTP cannot carry, and goes on', async () => {
    expect(await statusOf(`${probe}?do=brokenCookie`)).toBe(502);
    expect(await statusOf(probe)).toBe(200);
  });

  it('is open to pages of other sites and to tunnels, as everybody may call it', async () => {
    const headers = { origin: 'https://page.example', 'sec-fetch-site': 'cross-site' };
    expect(await statusOf(probe, { headers })).toBe(200);
  });

  it('answers 429 to more requests a second than ten times the reserved concurrency', async () => {
    const answers: number[] = [];
    for (let sent = 0; sent < 11; sent++) answers.push(await statusOf(bounded));
    expect(answers).toEqual([...Array(10).fill(200), 429]);
    await functions.cloud.clock.advance(1_000);
    expect(await statusOf(bounded)).toBe(200);
  });

  it('keeps the cloud busy and its time slow until it has answered', async () => {
    const { cloud } = functions;
    const answered = fetch(`${probe}?do=sleep&ms=200`);
    while (cloud.idle()) await new Promise((turn) => setImmediate(turn));
    const beganMs = cloud.clock.now();
    await cloud.clock.pass(3_600_000);
    expect((await answered).status).toBe(200);
    expect(cloud.idle()).toBe(true);
    const [, end] = functions.lines.filter(
      ({ functionName, atMs }) => functionName === 'probe' && atMs > beganMs,
    );
    expect(end?.atMs ?? beganMs).toBeLessThan(beganMs + 60_000);
  });

  it('can be called by a function while every thread is taken', async () => {
    const path = new URL(probe).pathname;
    const { payload } = await functions.invoke('closed', { do: 'call', service: 'lambda', path, body: {} });
    expect(payload.status).toBe(200);
  });

  it('runs its function to the end for a caller that goes away', async () => {
    const { hostname, port, pathname } = new URL(probe);
    const ends = () => functions.lines.filter(({ line }) => line.startsWith('REPORT')).length;
    const before = ends();
    const socket = connect(Number(port), hostname);
    socket.end(`GET ${pathname}?do=sleep&ms=100 HTTP/1.1\r\nHost: local\r\n\r\n`);
    while (functions.cloud.idle()) await new Promise((turn) => setImmediate(turn));
    socket.destroy();
    await once(socket, 'close');
    while (!functions.cloud.idle()) await new Promise((turn) => setImmediate(turn));
    expect(ends()).toBe(before + 1);
  });

  it('is measured', async () => {
    const { cloudwatch, clock } = functions.cloud;
    await clock.advance(3_600_000);
    const sinceMs = clock.now();
    await fetch(bounded);
    await fetch(`${bounded}?do=fail`);
    await fetch(`${bounded}?do=large`);
    await Promise.all([fetch(`${bounded}?do=sleep&ms=200`), fetch(`${bounded}?do=sleep&ms=200`)]);
    const read = (metricName: string) =>
      cloudwatch.metrics.read(
        { namespace: 'AWS/Lambda', metricName, dimensions: { FunctionName: 'bounded' } },
        sinceMs - 60_000,
        clock.now() + 60_000,
      );
    expect(read('UrlRequestCount').sum).toBe(5);
    expect(read('Url4xxCount').sum).toBe(1);
    expect(read('Url5xxCount').sum).toBe(2);
    expect(read('UrlRequestLatency').maximum).toBeGreaterThan(190);
  });

  it.each([
    ['the AuthType AWS_IAM', { AuthType: 'AWS_IAM' }, 'UNSUPPORTED_FUNCTION'],
    ['the InvokeMode RESPONSE_STREAM', { InvokeMode: 'RESPONSE_STREAM' }, 'UNSUPPORTED_FUNCTION'],
    ['Cors', { Cors: { AllowOrigins: ['*'] } }, 'UNKNOWN_PROPERTY'],
    ['a Qualifier', { Qualifier: 'prod' }, 'UNKNOWN_PROPERTY'],
  ])('is refused with %s', async (_, properties, code) => {
    const assembly = functionAssembly({ Probe: functionResource('probe'), Url: url('Probe', properties) });
    await expect(startLocalCloud({ assembly })).rejects.toMatchObject({
      code,
      message: expect.stringContaining('App/Url (AWS::Lambda::Url)'),
    });
  });
});
