import { randomUUID } from 'node:crypto';
import {
  GetFunctionRecursionConfigCommand,
  InvokeCommand,
  PutFunctionRecursionConfigCommand,
  RecursiveLoop,
} from '@aws-sdk/client-lambda';
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FunctionCloud, functionResource, startFunctions } from './function-cloud.ts';

const MOST = 16;
const RECEIVES = 3;
const ROLE = 'schedules';

interface Chain {
  readonly by: 'message' | 'batch' | 'event' | 'schedule';
  /** How often the functions are to send it on. */
  readonly left: number;
  readonly name: string;
}

let functions: FunctionCloud;
let sqs: SQSClient;

const capital = (name: string) => `${name[0]?.toUpperCase()}${name.slice(1)}`;

/** A queue with a dead-letter queue, and a function that takes from it and sends to the next one. */
function station(
  name: string,
  { next = name, ...properties }: { next?: string; RecursiveLoop?: string } = {},
) {
  const id = capital(name);
  const queueArn = (of: string) => ({ 'Fn::GetAtt': [of, 'Arn'] });
  return {
    [`${id}Dead`]: { Type: 'AWS::SQS::Queue', Properties: { QueueName: `${name}-dead` } },
    [`${id}Queue`]: {
      Type: 'AWS::SQS::Queue',
      Properties: {
        QueueName: name,
        VisibilityTimeout: 60,
        RedrivePolicy: { deadLetterTargetArn: queueArn(`${id}Dead`), maxReceiveCount: RECEIVES },
      },
    },
    [`${id}Function`]: functionResource('sender', {
      FunctionName: name,
      Environment: {
        Variables: {
          NEXT_QUEUE_URL: { Ref: `${capital(next)}Queue` },
          SCHEDULE_ROLE_ARN: `arn:aws:iam::000000000000:role/${ROLE}`,
        },
      },
      ...properties,
    }),
    [`${id}Mapping`]: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        EventSourceArn: queueArn(`${id}Queue`),
        FunctionName: { Ref: `${id}Function` },
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      },
    },
  };
}

beforeAll(async () => {
  functions = await startFunctions({
    ...station('loop'),
    ...station('allowed', { RecursiveLoop: 'Allow' }),
    ...station('there', { next: 'back' }),
    ...station('back', { next: 'there' }),
    Failed: {
      Type: 'AWS::Lambda::EventInvokeConfig',
      Properties: {
        FunctionName: { Ref: 'LoopFunction' },
        Qualifier: '$LATEST',
        DestinationConfig: { OnFailure: { Destination: { 'Fn::GetAtt': ['LoopDead', 'Arn'] } } },
      },
    },
  });
  const { cloud } = functions;
  sqs = new SQSClient({
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  cloud.iam.addRole(
    ROLE,
    [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'scheduler.amazonaws.com' } }],
    [{ Effect: 'Allow', Action: 'sqs:SendMessage', Resource: '*' }],
  );
});

afterAll(async () => {
  sqs.destroy();
  await functions.stop();
});

const urlOf = (queue: string) => functions.cloud.sqs.queueUrl(queue);

const send = (queue: string, chain: Chain) =>
  sqs.send(new SendMessageCommand({ QueueUrl: urlOf(queue), MessageBody: JSON.stringify(chain) }));

/** Runs all that there is, skipping the time between. */
async function drain(): Promise<void> {
  const { cloud } = functions;
  for (;;) {
    while (!cloud.idle()) await new Promise((turn) => setTimeout(turn, 2));
    const nextMs = cloud.nextEventMs();
    if (nextMs === undefined) return;
    await cloud.clock.pass(Math.max(1, nextMs - cloud.clock.now()));
  }
}

/** How often functions took what a chain sent on. */
const taken = ({ name }: Chain, by?: string) =>
  functions.lines.filter(
    ({ line, functionName }) => line.includes(`took ${name}`) && (by ?? functionName) === functionName,
  ).length;

/** What lies in a dead-letter queue, which is empty then. */
async function letters(queue: string): Promise<unknown[]> {
  const QueueUrl = urlOf(`${queue}-dead`);
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
  for (const { ReceiptHandle } of Messages)
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  return Messages.map(({ Body = '' }) => JSON.parse(Body));
}

function dropped(functionName: string): number {
  const { cloudwatch, clock } = functions.cloud;
  return cloudwatch.metrics.read(
    {
      namespace: 'AWS/Lambda',
      metricName: 'RecursiveInvocationsDropped',
      dimensions: { FunctionName: functionName },
    },
    0,
    clock.now() + 60_000,
  ).sum;
}

const chain = (by: Chain['by'], left: number): Chain => ({ by, left, name: randomUUID() });

describe('a chain of requests', () => {
  it.each(['message', 'batch'] as const)(
    'by a %s is stopped before it invokes a function for the 17th time, and its message is dead once its receives are spent',
    async (by) => {
      const looping = chain(by, 40);
      const before = dropped('loop');
      await send('loop', looping);
      await drain();
      expect(taken(looping)).toBe(MOST);
      expect(dropped('loop') - before).toBe(RECEIVES);
      expect(await letters('loop')).toEqual([{ ...looping, left: looping.left - MOST }]);
    },
  );

  it('goes its way where it invokes a function 16 times', async () => {
    const long = chain('message', MOST - 1);
    await send('loop', long);
    await drain();
    expect(taken(long)).toBe(MOST);
    expect(await letters('loop')).toEqual([]);
  });

  it('goes on where the function allows loops, and nothing is measured', async () => {
    const long = chain('message', 40);
    await send('allowed', long);
    await drain();
    expect(taken(long)).toBe(41);
    expect(dropped('allowed')).toBe(0);
  });

  it('is counted for each function that it comes to', async () => {
    const swinging = chain('message', 100);
    await send('there', swinging);
    await drain();
    expect([taken(swinging, 'there'), taken(swinging, 'back')]).toEqual([MOST, MOST]);
    expect(await letters('there')).toHaveLength(1);
    expect(await letters('back')).toEqual([]);
  });

  it('of asynchronous invocations ends at the destination of failed ones', async () => {
    const looping = chain('event', 40);
    await functions.invoke('loop', looping);
    await drain();
    expect(taken(looping)).toBe(MOST);
    const [record] = await letters('loop');
    expect(record).toMatchObject({ requestPayload: { ...looping, left: looping.left - MOST } });
  });

  it('ends at EventBridge Scheduler, which begins another one', async () => {
    const long = chain('schedule', 40);
    await send('loop', long);
    await drain();
    expect(taken(long)).toBe(41);
  });

  it('takes those along that share its batch', async () => {
    const mapping = [...functions.cloud.lambda.mappings.values()].find(
      ({ configuration }) => configuration.functionName === 'loop',
    );
    const neighbour = chain('message', 0);
    const looping = chain('message', 40);
    const hash = /Lineage=(\w+):0/.exec((await functions.invoke('loop', neighbour)).payload)?.[1];
    const before = taken(neighbour);
    const looped = {
      AWSTraceHeader: { DataType: 'String', StringValue: `Root=1-2-3;Lineage=${hash}:${MOST - 1}` },
    } as const;
    await sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: urlOf('loop'),
        Entries: [
          { Id: 'neighbour', MessageBody: JSON.stringify(neighbour) },
          { Id: 'looping', MessageBody: JSON.stringify(looping), MessageSystemAttributes: looped },
        ],
      }),
    );
    await drain();
    expect(mapping?.lastResult).toContain('RecursiveInvocationException');
    expect([taken(neighbour) - before, taken(looping)]).toEqual([0, 0]);
    expect(await letters('loop')).toHaveLength(2);
  });
});

describe('an invocation', () => {
  it('is told the chain that it is in, one invocation longer', async () => {
    const { payload: first } = await functions.invoke('loop', chain('message', 0));
    expect(first).toMatch(
      /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=[0-9a-f]{8}:0$/,
    );
    const command = new InvokeCommand({ FunctionName: 'loop', Payload: JSON.stringify(chain('message', 0)) });
    command.middlewareStack.add(
      (next) => (args) => {
        (args.request as { headers: Record<string, string> }).headers['x-amzn-trace-id'] = first;
        return next(args);
      },
      { step: 'build' },
    );
    const second = JSON.parse((await functions.client.send(command)).Payload?.transformToString() ?? '');
    expect(second).toMatch(/;Lineage=[0-9a-f]{8}:1$/);
    expect(second.split(';')[0]).toBe(first.split(';')[0]);
  });
});

describe('the recursion configuration of a function', () => {
  const configured = async (FunctionName: string) =>
    (await functions.client.send(new GetFunctionRecursionConfigCommand({ FunctionName }))).RecursiveLoop;

  it('is Terminate unless the template says otherwise', async () => {
    expect(await configured('loop')).toBe('Terminate');
    expect(await configured('allowed')).toBe('Allow');
  });

  it('can be changed, and holds from the next invocation on', async () => {
    const put = (loop: RecursiveLoop) =>
      functions.client.send(
        new PutFunctionRecursionConfigCommand({ FunctionName: 'loop', RecursiveLoop: loop }),
      );
    expect((await put(RecursiveLoop.Allow)).RecursiveLoop).toBe('Allow');
    const long = chain('message', 20);
    await send('loop', long);
    await drain();
    expect(taken(long)).toBe(21);
    await put(RecursiveLoop.Terminate);
    expect(await configured('loop')).toBe('Terminate');
    await expect(put('Sometimes' as RecursiveLoop)).rejects.toThrow(/neither Allow nor Terminate/);
  });
});
