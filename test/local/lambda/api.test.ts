import {
  DeleteFunctionConcurrencyCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  ListEventSourceMappingsCommand,
  ListFunctionsCommand,
  ListLayersCommand,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FunctionCloud, functionResource, startFunctions } from './function-cloud.ts';

let functions: FunctionCloud;

beforeAll(async () => {
  functions = await startFunctions(
    {
      Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'queue', VisibilityTimeout: 60 } },
      Probe: functionResource('probe', { Environment: { Variables: { OWN: 'first' } } }),
      Other: functionResource('probe', { FunctionName: 'other' }),
      Eventful: functionResource('probe', { FunctionName: 'eventful' }),
      Once: {
        Type: 'AWS::Lambda::EventInvokeConfig',
        Properties: { FunctionName: { Ref: 'Eventful' }, Qualifier: '$LATEST', MaximumRetryAttempts: 1 },
      },
      Mapping: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: {
          EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] },
          FunctionName: { Ref: 'Probe' },
          ScalingConfig: { MaximumConcurrency: 5 },
          Enabled: false,
        },
      },
    },
    { maxWorkers: 1 },
  );
});

afterAll(() => functions.stop());

describe("Lambda's API", () => {
  it('tells the functions of the template', async () => {
    const { Functions } = await functions.client.send(new ListFunctionsCommand());
    expect(Functions?.map(({ FunctionName }) => FunctionName)).toEqual(['probe', 'other', 'eventful']);
    const { Configuration } = await functions.client.send(new GetFunctionCommand({ FunctionName: 'probe' }));
    expect(Configuration).toMatchObject({ Handler: 'index.handler', Timeout: 10, State: 'Active' });
  });

  it.each([
    ['name', 'probe'],
    ['ARN', 'arn:aws:lambda:us-east-1:000000000000:function:probe'],
    ['partial ARN', '000000000000:function:probe'],
    ['name with a qualifier', 'probe:$LATEST'],
  ])('takes a function by %s', async (_, FunctionName) => {
    const { FunctionArn } = await functions.client.send(
      new GetFunctionConfigurationCommand({ FunctionName }),
    );
    expect(FunctionArn).toBe('arn:aws:lambda:us-east-1:000000000000:function:probe');
  });

  it('answers ResourceNotFoundException for a function that is not there', async () => {
    await expect(functions.invoke('nobody', {})).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      $metadata: { httpStatusCode: 404 },
    });
  });

  it('refuses an operation that it does not know', async () => {
    await expect(functions.client.send(new ListLayersCommand())).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: expect.stringContaining('GET /2018-10-31/layers'),
    });
  });

  it('refuses a payload that is no JSON', async () => {
    const broken = new InvokeCommand({ FunctionName: 'probe', Payload: '{' });
    await expect(functions.client.send(broken)).rejects.toMatchObject({
      name: 'InvalidRequestContentException',
    });
  });

  it('gives the client context to the function', async () => {
    const ClientContext = Buffer.from('{"custom":{"a":"b"}}').toString('base64');
    const { payload } = await functions.invoke('probe', { do: 'context' }, { ClientContext });
    expect(payload.clientContext).toEqual({ custom: { a: 'b' } });
  });

  it('changes settings, which new environments see', async () => {
    await functions.invoke('probe', {});
    await functions.client.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName: 'probe',
        Environment: { Variables: { OWN: 'second' } },
      }),
    );
    expect((await functions.invoke('probe', { do: 'environment' })).payload.OWN).toBe('second');
  });

  it('refuses a setting that it does not act on', async () => {
    const layers = new UpdateFunctionConfigurationCommand({ FunctionName: 'probe', Layers: ['x'] });
    await expect(functions.client.send(layers)).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
      message: expect.stringContaining('Layers'),
    });
  });

  it('throttles a function at its reserved concurrency', async () => {
    const FunctionName = 'probe';
    await functions.client.send(
      new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }),
    );
    await expect(functions.invoke('probe', {})).rejects.toMatchObject({
      name: 'TooManyRequestsException',
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
      $metadata: { httpStatusCode: 429 },
    });
    await functions.client.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
    expect((await functions.invoke('probe', { a: 1 })).payload).toEqual({ a: 1 });
  });

  it('lets a function invoke another while every thread is taken', async () => {
    const { payload } = await functions.invoke('probe', {
      do: 'call',
      service: 'lambda',
      path: '/2015-03-31/functions/other/invocations',
      body: { from: 'probe' },
    });
    expect(payload).toEqual({ status: 200, body: '{"from":"probe"}' });
  });

  it('tells and changes mappings, one change at a time', async () => {
    const { EventSourceMappings = [] } = await functions.client.send(
      new ListEventSourceMappingsCommand({ FunctionName: 'probe' }),
    );
    const [mapping] = EventSourceMappings;
    expect(mapping).toMatchObject({
      EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:queue',
      BatchSize: 10,
      ScalingConfig: { MaximumConcurrency: 5 },
      State: 'Disabled',
    });
    const changed = await functions.client.send(
      new UpdateEventSourceMappingCommand({ UUID: mapping?.UUID, ScalingConfig: { MaximumConcurrency: 2 } }),
    );
    expect(changed.State).toBe('Updating');
    await expect(
      functions.client.send(new UpdateEventSourceMappingCommand({ UUID: mapping?.UUID, Enabled: true })),
    ).rejects.toMatchObject({ name: 'ResourceInUseException' });
    const tooLow = new UpdateEventSourceMappingCommand({
      UUID: mapping?.UUID,
      ScalingConfig: { MaximumConcurrency: 1 },
    });
    await expect(functions.client.send(tooLow)).rejects.toMatchObject({
      name: 'InvalidParameterValueException',
    });
  });
});

describe('an asynchronous invocation', () => {
  const started = (name: string) =>
    functions.lines.filter(({ functionName, line }) => functionName === name && line.startsWith('START'))
      .length;
  const settled = async () => {
    while (functions.cloud.lambda.busy) await new Promise((turn) => setImmediate(turn));
  };

  it('is accepted at once and runs', async () => {
    functions.lines.length = 0;
    const answer = await functions.client.send(
      new InvokeCommand({ FunctionName: 'other', InvocationType: 'Event', Payload: '{}' }),
    );
    expect(answer.StatusCode).toBe(202);
    await functions.cloud.clock.advance(0);
    await settled();
    expect(started('other')).toBe(1);
    expect(functions.cloud.lambda.pendingEvents).toBe(0);
  });

  it('that fails is retried a minute later, as often as the function allows', async () => {
    await functions.client.send(
      new InvokeCommand({ FunctionName: 'eventful', InvocationType: 'Event', Payload: '{"do":"fail"}' }),
    );
    await functions.cloud.clock.advance(0);
    await settled();
    expect(started('eventful')).toBe(1);
    const waitMs = (functions.cloud.nextEventMs() ?? 0) - functions.cloud.clock.now();
    expect(waitMs).toBeGreaterThan(55_000);
    expect(waitMs).toBeLessThanOrEqual(60_000);
    await functions.cloud.clock.advance(55_000);
    await settled();
    expect(started('eventful')).toBe(1);
    await functions.cloud.clock.advance(10_000);
    await settled();
    expect(started('eventful')).toBe(2);
    expect(functions.cloud.lambda.pendingEvents).toBe(0);
  });
});
