import { fileURLToPath } from 'node:url';
import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { App, Duration, Stack } from 'aws-cdk-lib';
import { Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction, SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { Code, Function as LambdaFunctionResource, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import {
  Choice,
  Condition,
  DefinitionBody,
  JitterType,
  Map as MapState,
  Parallel,
  Pass,
  StateMachine,
  Succeed,
  TaskInput,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke, SqsSendMessage } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { describe, expect, it } from 'vitest';
import { startLocalCloud } from '../../../local/cloud.ts';
import { RunningClock } from '../../../local/kernel/clock.ts';

const CODE = fileURLToPath(new URL('../lambda/fixtures/probe', import.meta.url));

function synthesized(): string {
  const app = new App();
  const stack = new Stack(app, 'App');
  const code = Code.fromAsset(CODE);
  const worker = new LambdaFunctionResource(stack, 'Worker', {
    code,
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
  });
  const listener = new LambdaFunctionResource(stack, 'Listener', {
    functionName: 'listener',
    code,
    handler: 'index.handler',
    runtime: Runtime.NODEJS_24_X,
  });
  const told = new Queue(stack, 'Told', { queueName: 'told', enforceSSL: true });
  const sent = new Queue(stack, 'Sent', { queueName: 'sent', enforceSSL: true });
  const invoke = (id: string) =>
    new LambdaInvoke(stack, id, {
      lambdaFunction: worker,
      payloadResponseOnly: false,
      outputPath: '$.Payload',
    })
      .addRetry({
        maxAttempts: 2,
        backoffRate: 2,
        jitterStrategy: JitterType.FULL,
        maxDelay: Duration.seconds(30),
      })
      .addCatch(new Succeed(stack, `${id}Failed`), { resultPath: '$.error' });
  const each = new MapState(stack, 'Each', { itemsPath: '$.items', maxConcurrency: 2, resultPath: '$.done' });
  each.itemProcessor(invoke('Work'));
  const both = new Parallel(stack, 'Both', { resultPath: '$.both' })
    .branch(new Pass(stack, 'Left', { parameters: { side: 'left' } }))
    .branch(
      new SqsSendMessage(stack, 'Send', {
        queue: sent,
        messageBody: TaskInput.fromJsonPathAt('$.done'),
        resultPath: '$.sent',
        outputPath: '$.done',
      }),
    );
  const machine = new StateMachine(stack, 'Machine', {
    stateMachineName: 'machine',
    definitionBody: DefinitionBody.fromChainable(
      each.next(
        new Choice(stack, 'Any')
          .when(Condition.isPresent('$.done[0]'), both)
          .otherwise(new Succeed(stack, 'None')),
      ),
    ),
    tracingEnabled: true,
    timeout: Duration.hours(1),
  });
  new Rule(stack, 'Ended', {
    eventPattern: {
      source: ['aws.states'],
      detailType: ['Step Functions Execution Status Change'],
      detail: { stateMachineArn: [machine.stateMachineArn], status: ['SUCCEEDED', 'FAILED'] },
    },
    targets: [new SqsQueue(told), new LambdaFunction(listener)],
  });
  return app.synth().directory;
}

describe('what the CDK makes of its constructs for Step Functions and EventBridge', () => {
  it('is deployed and runs, with no more rights than its grants give', async () => {
    const clock = new RunningClock({ startMs: Date.UTC(2030, 0, 1) });
    const cloud = await startLocalCloud({ assembly: synthesized(), clock, seed: 1 });
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const client = new SFNClient({ endpoint: cloud.endpoint, region: cloud.region, credentials });
    try {
      const [machine] = cloud.states.machines.all();
      const { executionArn = '' } = await client.send(
        new StartExecutionCommand({
          stateMachineArn: machine?.arn,
          input: JSON.stringify({ items: [{ n: 1 }, { do: 'fail' }, { n: 3 }] }),
        }),
      );
      for (;;) {
        while (!cloud.idle()) await new Promise((turn) => setTimeout(turn, 5));
        if (cloud.states.executions.get(executionArn).status !== 'RUNNING') break;
        await cloud.clock.pass(Math.max(1, (cloud.nextEventMs() ?? 0) - cloud.clock.now()));
      }
      const { status, output = '' } = cloud.states.executions.get(executionArn);
      expect(status).toBe('SUCCEEDED');
      const done = [
        { n: 1 },
        { do: 'fail', error: { Error: 'TypeError', Cause: expect.any(String) } },
        { n: 3 },
      ];
      expect(JSON.parse(output)).toMatchObject({ done, both: [{ side: 'left' }, done] });
      const bodies = async (queue: string) =>
        (await cloud.sqs.receive(cloud.sqs.arnOf(queue))).map(({ body }) => JSON.parse(body));
      expect(await bodies('sent')).toEqual([done]);
      expect(await bodies('told')).toMatchObject([{ detail: { executionArn, status: 'SUCCEEDED' } }]);
      expect(cloud.lambda.environmentsOf('listener')).toHaveLength(1);
    } finally {
      client.destroy();
      await cloud.stop();
    }
  });
});
