import {
  DescribeExecutionCommand,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { type LocalCloud, startLocalCloud } from '../../../local/cloud.ts';
import { RunningClock } from '../../../local/kernel/clock.ts';
import { functionAssembly, functionResource } from '../lambda/function-cloud.ts';

export const START_MS = Date.UTC(2030, 0, 1, 12);
export const FUNCTION_ARN = 'arn:aws:lambda:us-east-1:000000000000:function:probe';
export const ROLE_ARN = 'arn:aws:iam::000000000000:role/machine';

export interface StatesLabOptions {
  readonly dataDirectory?: string;
  readonly startMs?: number;
  readonly seed?: number;
  /** Beside the function `probe`, the queue `queue`, the table `table` and the machines. */
  readonly resources?: object;
  /** What the machines' role may do. @default invoke the function */
  readonly actions?: readonly string[];
}

/** A Task state that invokes the fixture `probe`, which does what its event says. */
export function probe(event: object, fields: object = {}): object {
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Parameters: { FunctionName: FUNCTION_ARN, Payload: event },
    End: true,
    ...fields,
  };
}

/** A machine of states in a row, each going on to the next. */
export function row(states: Record<string, object>): object {
  const names = Object.keys(states);
  const linked = Object.entries(states).map(([name, state], index) => {
    const { End: _, ...fields } = state as { End?: boolean };
    const next = names[index + 1];
    const ends = ['Succeed', 'Fail', 'Choice'].includes((state as { Type: string }).Type);
    return [name, ends ? fields : { ...fields, ...(next ? { Next: next } : { End: true }) }];
  });
  return { StartAt: names[0], States: Object.fromEntries(linked) };
}

function machineResource(name: string, definition: object): object {
  return {
    Type: 'AWS::StepFunctions::StateMachine',
    Properties: {
      StateMachineName: name,
      DefinitionString: JSON.stringify(definition),
      RoleArn: { 'Fn::GetAtt': ['MachineRole', 'Arn'] },
    },
  };
}

function resources(machines: Record<string, object>, { resources: more, actions }: StatesLabOptions): object {
  return {
    Function: functionResource('probe', { Timeout: 60 }),
    Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'queue' } },
    Table: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        TableName: 'table',
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
        BillingMode: 'PAY_PER_REQUEST',
      },
    },
    MachineRole: {
      Type: 'AWS::IAM::Role',
      Properties: {
        RoleName: 'machine',
        AssumeRolePolicyDocument: {
          Statement: [
            { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'states.amazonaws.com' } },
          ],
        },
        Policies: [
          {
            PolicyName: 'own',
            PolicyDocument: {
              Statement: [{ Effect: 'Allow', Action: actions ?? ['lambda:InvokeFunction'], Resource: '*' }],
            },
          },
        ],
      },
    },
    ...Object.fromEntries(
      Object.entries(machines).map(([name, definition]) => [
        `Machine${name}`,
        machineResource(name, definition),
      ]),
    ),
    ...more,
  };
}

/** A cloud with state machines, whose time the test moves; the real SDK client talks to it. */
export class StatesLab implements AsyncDisposable {
  readonly cloud: LocalCloud;
  readonly client: SFNClient;

  static async open(machines: Record<string, object>, options: StatesLabOptions = {}): Promise<StatesLab> {
    const { dataDirectory, startMs = START_MS, seed = 1 } = options;
    return new StatesLab(
      await startLocalCloud({
        assembly: functionAssembly(resources(machines, options)),
        clock: new RunningClock({ startMs }),
        dataDirectory,
        seed,
      }),
    );
  }

  private constructor(cloud: LocalCloud) {
    this.cloud = cloud;
    this.client = new SFNClient({
      endpoint: cloud.endpoint,
      region: cloud.region,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
  }

  arn(name: string): string {
    return `arn:aws:states:us-east-1:000000000000:stateMachine:${name}`;
  }

  async start(machine: string, input: unknown = {}, name?: string): Promise<string> {
    const { executionArn = '' } = await this.client.send(
      new StartExecutionCommand({ stateMachineArn: this.arn(machine), input: JSON.stringify(input), name }),
    );
    return executionArn;
  }

  /** Starts an execution and moves time on until it is over. */
  async run(machine: string, input: unknown = {}) {
    const executionArn = await this.start(machine, input);
    await this.drain();
    return this.result(executionArn);
  }

  async result(executionArn: string) {
    const described = await this.client.send(new DescribeExecutionCommand({ executionArn }));
    const { output, startDate, stopDate } = described;
    return {
      ...described,
      output: output === undefined ? undefined : JSON.parse(output),
      seconds: stopDate && startDate && (stopDate.getTime() - startDate.getTime()) / 1000,
    };
  }

  /** All events, oldest first. */
  async history(executionArn: string): Promise<HistoryEvent[]> {
    const events: HistoryEvent[] = [];
    let nextToken: string | undefined;
    do {
      const page = await this.client.send(new GetExecutionHistoryCommand({ executionArn, nextToken }));
      events.push(...(page.events ?? []));
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
    return events;
  }

  async types(executionArn: string): Promise<(string | undefined)[]> {
    return (await this.history(executionArn)).map(({ type }) => type);
  }

  /** Waits, without moving time, until nothing runs and nothing is due. */
  async settle(): Promise<void> {
    while (!this.cloud.idle()) await new Promise((turn) => setTimeout(turn, 2));
  }

  /** Waits until the test's own condition holds. */
  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await condition())) await new Promise((turn) => setTimeout(turn, 2));
  }

  /** Waits until the function's code is loaded and has an invocation in its hands. */
  async untilWorking(): Promise<void> {
    const loaded = () => this.cloud.lambda.environmentsOf('probe').some(({ initMs }) => initMs !== undefined);
    await this.until(() => this.cloud.lambda.running > 0 && loaded());
    await new Promise((turn) => setTimeout(turn, 50));
  }

  async pass(seconds: number): Promise<void> {
    await this.cloud.clock.pass(seconds * 1000);
    await this.settle();
  }

  async drain(): Promise<void> {
    for (;;) {
      await this.settle();
      const nextMs = this.cloud.nextEventMs();
      if (nextMs === undefined) return;
      await this.cloud.clock.pass(Math.max(1, nextMs - this.cloud.clock.now()));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.destroy();
    await this.cloud.stop();
  }
}

/** What a machine makes of an input, in a cloud of its own. */
export async function outcome(definition: object, input: unknown = {}) {
  await using lab = await StatesLab.open({ machine: definition });
  return await lab.run('machine', input);
}

/** What one Pass state with these fields makes of it. */
export async function passed(fields: object, input: unknown = {}): Promise<unknown> {
  return (await outcome(row({ Pass: { Type: 'Pass', ...fields } }), input)).output;
}
