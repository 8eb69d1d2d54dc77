import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FunctionCloud, functionResource, startFunctions } from './function-cloud.ts';

let functions: FunctionCloud;
const invoke = (event: object, name = 'probe') => functions.invoke(name, event);

beforeAll(async () => {
  functions = await startFunctions({
    Probe: functionResource('probe', { Environment: { Variables: { OWN: 'value' } } }),
    Short: functionResource('probe', { FunctionName: 'short', Timeout: 1 }),
    Json: functionResource('probe', {
      FunctionName: 'json',
      LoggingConfig: { LogFormat: 'JSON', LogGroup: 'group', ApplicationLogLevel: 'INFO' },
    }),
    Module: functionResource('module'),
    Broken: functionResource('broken'),
    Callback: functionResource('callback'),
    NoExport: functionResource('probe', { FunctionName: 'no-export', Handler: 'index.nothing' }),
  });
});

afterAll(() => functions.stop());

describe('a function', () => {
  it('is given the event and answers what it returns', async () => {
    expect(await invoke({ a: [1, null] })).toMatchObject({ error: undefined, payload: { a: [1, null] } });
  });

  it('sees itself in its context', async () => {
    const { payload } = await invoke({ do: 'context' });
    expect(payload).toMatchObject({
      functionName: 'probe',
      functionVersion: '$LATEST',
      invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:probe',
      memoryLimitInMB: '128',
      logGroupName: '/aws/lambda/probe',
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(payload.remainingMs).toBeGreaterThan(0);
    expect(payload.remainingMs).toBeLessThanOrEqual(10_000);
  });

  it("has its own variables and Lambda's, and nothing of the process that it runs in", async () => {
    process.env.A_SECRET_OF_THE_PARENT = 'x';
    const { payload } = await invoke({ do: 'environment' }, 'short');
    expect(payload).toMatchObject({
      AWS_ENDPOINT_URL: functions.cloud.endpoint,
      AWS_LAMBDA_FUNCTION_NAME: 'short',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
      AWS_REGION: 'us-east-1',
      _HANDLER: 'index.handler',
    });
    expect(payload).not.toHaveProperty('A_SECRET_OF_THE_PARENT');
    expect(payload).not.toHaveProperty('PATH');
    expect((await invoke({ do: 'environment' })).payload.OWN).toBe('value');
  });

  it("lives in the cloud's time", async () => {
    const before = (await invoke({ do: 'dates' })).payload;
    await functions.cloud.clock.advance(30 * 24 * 3600 * 1000);
    const { payload } = await invoke({ do: 'dates' });
    expect(payload.now - before.now).toBeGreaterThanOrEqual(30 * 24 * 3600 * 1000);
    expect(payload).toMatchObject({ isDate: true, fixed: 2020, class: 5 });
    expect(Math.abs(Date.parse(payload.constructed) - functions.cloud.clock.now())).toBeLessThan(60_000);
    expect(Math.abs(Date.parse(payload.text) - payload.now)).toBeLessThan(60_000);
  });

  it('is loaded once and stays warm', async () => {
    const first = (await invoke({ do: 'count' })).payload;
    const second = (await invoke({ do: 'count' })).payload;
    expect(second).toEqual({ invocations: first.invocations + 1, loadedAt: first.loadedAt });
  });

  it('is frozen between two invocations', async () => {
    await invoke({ do: 'startTicking' });
    await invoke({ do: 'sleep', ms: 60 }, 'short');
    expect((await invoke({ do: 'ticks' })).payload).toBeLessThanOrEqual(1);
  });

  it('may be an ES module', async () => {
    expect((await invoke({}, 'module')).payload).toBe('index.mjs');
  });

  it('runs side by side with itself, each in an environment of its own', async () => {
    const sleeping = invoke({ do: 'sleep', ms: 100 });
    const meanwhile = (await invoke({ do: 'count' })).payload;
    await sleeping;
    expect(functions.cloud.lambda.environmentCount).toBeGreaterThanOrEqual(2);
    expect(meanwhile.invocations).toBe(1);
  });
});

describe('a function that fails', () => {
  it.each([
    ['by throwing an error', { do: 'fail' }, 'TypeError', 'as asked'],
    ['by throwing anything else', { do: 'failWithText' }, 'string', 'only text'],
    ['by an error that escapes its handler', { do: 'escape' }, 'Error', 'escaped'],
    [
      'by a rejection that nobody handles',
      { do: 'reject' },
      'Runtime.UnhandledPromiseRejection',
      'nobody listens',
    ],
    ['by leaving', { do: 'exit', code: 3 }, 'Runtime.ExitError', 'exit status 3'],
    ['by leaving quietly', { do: 'exit', code: 0 }, 'Runtime.ExitError', 'without providing a reason'],
    ['by using more memory than it has', { do: 'fillMemory' }, 'Runtime.ExitError', 'signal: killed'],
    ['by answering too much', { do: 'large' }, 'Function.ResponseSizeTooLarge', '6291456'],
  ])('%s is answered as Lambda does', async (_, event, errorType, message) => {
    expect(await invoke(event)).toMatchObject({
      error: 'Unhandled',
      payload: { errorType, errorMessage: expect.stringContaining(message) },
    });
  });

  it('tells where', async () => {
    expect((await invoke({ do: 'fail' })).payload.trace[1]).toMatch(/asset\.probe.index\.js:\d+/);
  });

  it('by running too long is killed, even in an endless loop', async () => {
    expect(await invoke({ do: 'loop' }, 'short')).toMatchObject({
      error: 'Unhandled',
      payload: {
        errorType: 'Sandbox.Timedout',
        errorMessage: expect.stringMatching(/Task timed out after 1.00 seconds/),
      },
    });
    expect((await invoke({ do: 'count' }, 'short')).payload.invocations).toBe(1);
  });

  it('takes no other environment along', async () => {
    const other = invoke({ do: 'sleep', ms: 100 }, 'json');
    await invoke({ do: 'exit', code: 1 });
    expect((await other).error).toBeUndefined();
  });

  it.each([
    ['whose module cannot be loaded', 'broken', 'Runtime.ImportModuleError', 'a-module-that-nobody-has'],
    [
      'that has no such export',
      'no-export',
      'Runtime.HandlerNotFound',
      'index.nothing is undefined or not exported',
    ],
    ['that takes a callback', 'callback', 'Runtime.CallbackHandlerDeprecated', 'Make it async'],
  ])('%s says so', async (_, name, errorType, message) => {
    expect(await invoke({}, name)).toMatchObject({
      error: 'Unhandled',
      payload: { errorType, errorMessage: expect.stringContaining(message) },
    });
  });

  it('because its bundle lacks a module does so here too, though the project has it', async () => {
    expect((await invoke({ do: 'neighbour' })).payload.errorMessage).toMatch(
      /Cannot find module 'neighbour'.*the bundle does not hold it/,
    );
  });
});

describe("a function's log", () => {
  it('has what it prints between what Lambda prints', async () => {
    const { logTail } = await functions.invoke('probe', { do: 'print' }, { LogType: 'Tail' });
    const lines = logTail.split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^START RequestId: [0-9a-f-]{36} Version: \$LATEST$/),
      expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z\t[0-9a-f-]{36}\tINFO\tto the log \{ a: 1 \}$/),
      expect.stringMatching(/\tERROR\tan error$/),
      'raw',
      'lines joined',
      expect.stringMatching(/^END RequestId: /),
      expect.stringMatching(
        /^REPORT RequestId: .*\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB/,
      ),
    ]);
  });

  it('is JSON where the template says so, without what is below its level', async () => {
    functions.lines.length = 0;
    await invoke({ do: 'print' }, 'json');
    await invoke({ do: 'debug' }, 'json');
    const lines = functions.lines.filter(({ logGroup }) => logGroup === 'group').map(({ line }) => line);
    const parsed = lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
    expect(parsed.map(({ type, level, message }) => type ?? `${level} ${message}`)).toEqual([
      'platform.start',
      'INFO to the log { a: 1 }',
      'ERROR an error',
      'platform.report',
      'platform.start',
      'platform.report',
    ]);
  });

  it('tells of a timeout', async () => {
    const { logTail } = await functions.invoke('short', { do: 'sleep', ms: 5000 }, { LogType: 'Tail' });
    expect(logTail).toMatch(/Task timed out after 1\.00 seconds\nEND.*\nREPORT.*Status: timeout/);
  });
});
