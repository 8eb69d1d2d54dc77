import {
  GetFunctionConfigurationCommand,
  InvokeCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalCloud } from '../../../local/cloud.ts';
import { type FunctionCloud, functionAssembly, functionResource, startFunctions } from './function-cloud.ts';

let functions: FunctionCloud;

beforeAll(async () => {
  functions = await startFunctions({ Probe: functionResource('probe') }, { maxWorkers: 1 });
});

afterAll(() => functions.stop());

const variables = (Variables: Record<string, string>) => ({ Environment: { Variables } });

describe('a setting that AWS refuses', () => {
  it.each([
    ['a timeout of 901 s', { Timeout: 901 }, /Timeout 901 is not between 1 and 900/],
    ['a timeout of 0 s', { Timeout: 0 }, /Timeout 0 /],
    ['less than 128 MB', { MemorySize: 127 }, /MemorySize 127 is not between 128 and 10240/],
    ['more than 10,240 MB', { MemorySize: 10_241 }, /MemorySize 10241 /],
    ['more than 4 KB of variables', variables({ LONG: 'é'.repeat(2044) }), /exceeded the 4KB limit/],
    [
      'variables that are the runtime’s',
      variables({ AWS_REGION: 'eu-west-1', OWN: 'x', _HANDLER: 'x' }),
      /Reserved keys used in this request: AWS_REGION, _HANDLER$/,
    ],
    ['a variable whose name begins with a digit', variables({ '1A': 'x' }), /"1A" is no name/],
    [
      'a file that Node.js runs first',
      variables({ NODE_OPTIONS: '--enable-source-maps --require=/tmp/first.js' }),
      /NODE_OPTIONS holds "--require=\/tmp\/first\.js"/,
    ],
  ])('is refused to the API and to the template alike: %s', async (_, settings, message) => {
    await expect(
      functions.client.send(new UpdateFunctionConfigurationCommand({ FunctionName: 'probe', ...settings })),
    ).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
      message: expect.stringMatching(message),
    });
    const assembly = functionAssembly({ Probe: functionResource('probe', settings) });
    await expect(startLocalCloud({ assembly })).rejects.toMatchObject({
      code: 'INVALID_PROPERTY',
      message: expect.stringMatching(/^App\/Probe \(AWS::Lambda::Function\) is refused: /),
    });
  });

  it('leaves the function as it was', async () => {
    const configuration = await functions.client.send(
      new GetFunctionConfigurationCommand({ FunctionName: 'probe' }),
    );
    expect(configuration).toMatchObject({ Timeout: 10, MemorySize: 128, Environment: { Variables: {} } });
  });

  it('at its bound is taken', async () => {
    const answer = await functions.client.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName: 'probe',
        Timeout: 900,
        MemorySize: 10_240,
        ...variables({ LONG: 'x'.repeat(4085) }),
      }),
    );
    expect(answer).toMatchObject({ Timeout: 900, MemorySize: 10_240 });
  });
});

describe('an event', () => {
  const send = (InvocationType: 'Event' | 'RequestResponse', bytes: number) =>
    functions.client.send(
      new InvokeCommand({ FunctionName: 'probe', InvocationType, Payload: `"${'x'.repeat(bytes - 2)}"` }),
    );
  const MB = 1024 * 1024;

  it('of 1 MB is taken for later, and of one byte more at once only', async () => {
    expect((await send('Event', MB)).StatusCode).toBe(202);
    await expect(send('Event', MB + 1)).rejects.toMatchObject({
      name: 'RequestTooLargeException',
      message: '1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)',
      $metadata: { httpStatusCode: 413 },
    });
    expect((await send('RequestResponse', MB + 1)).StatusCode).toBe(200);
    await expect(send('RequestResponse', 6 * MB + 1)).rejects.toMatchObject({
      name: 'RequestTooLargeException',
    });
  });
});
