import {
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  SchedulerClient,
} from '@aws-sdk/client-scheduler';
import { type LocalCloud, startLocalCloud } from '../../../local/cloud.ts';
import { RunningClock } from '../../../local/kernel/clock.ts';
import { writeAssembly } from '../template/write-assembly.ts';

export const START_MS = Date.UTC(2030, 0, 1, 12);
export const GROUP = 'deferrals';

const trust = (service: string, group: object | string) => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Principal: { Service: service },
      Condition: {
        StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
        ArnLike: { 'aws:SourceArn': group },
      },
    },
  ],
});
const groupArn = { 'Fn::GetAtt': ['Group', 'Arn'] };
const role = (RoleName: string, service = 'scheduler.amazonaws.com', group: object | string = groupArn) => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    RoleName,
    AssumeRolePolicyDocument: trust(service, group),
    Policies: [
      {
        PolicyName: 'send',
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: { 'Fn::GetAtt': ['Queue', 'Arn'] } },
          ],
        },
      },
    ],
  },
});
const queue = (QueueName: string) => ({ Type: 'AWS::SQS::Queue', Properties: { QueueName } });

const assembly = writeAssembly({
  App: {
    template: {
      Resources: {
        Queue: queue('queue'),
        Other: queue('other'),
        Group: { Type: 'AWS::Scheduler::ScheduleGroup', Properties: { Name: GROUP } },
        Role: role('sender'),
        FunctionRole: role('function', 'lambda.amazonaws.com'),
        AnyGroupRole: role('any-group', 'scheduler.amazonaws.com', 'arn:aws:scheduler:*:schedule-group/*'),
        OtherGroupRole: role(
          'elsewhere',
          'scheduler.amazonaws.com',
          'arn:aws:scheduler:*:schedule-group/other',
        ),
      },
      Outputs: { GroupArn: { Value: groupArn } },
    },
  },
});

/** A cloud with a queue, a schedule group and roles, whose time the test moves; a real SDK client talks to it. */
export class SchedulerLab implements AsyncDisposable {
  readonly cloud: LocalCloud;
  readonly client: SchedulerClient;
  readonly queueArn: string;

  static async open({
    dataDirectory,
    startMs = START_MS,
  }: {
    dataDirectory?: string;
    startMs?: number;
  } = {}) {
    const clock = new RunningClock({ startMs });
    return new SchedulerLab(await startLocalCloud({ assembly, dataDirectory, clock, seed: 1 }));
  }

  private constructor(cloud: LocalCloud) {
    this.cloud = cloud;
    this.client = new SchedulerClient({
      endpoint: cloud.endpoint,
      region: cloud.region,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
    this.queueArn = cloud.sqs.arnOf('queue');
  }

  role(name: string): string {
    return `arn:aws:iam::${this.cloud.accountId}:role/${name}`;
  }

  /** As a consumer defers a job for ten minutes past noon, unless the test says otherwise. */
  async create(
    Name: string,
    { Target, ...changes }: Partial<Omit<CreateScheduleCommandInput, 'Target'>> & { Target?: object } = {},
  ) {
    return this.client.send(
      new CreateScheduleCommand({
        Name,
        GroupName: GROUP,
        ScheduleExpression: 'at(2030-01-01T12:10:00)',
        FlexibleTimeWindow: { Mode: 'OFF' },
        ActionAfterCompletion: 'DELETE',
        ...changes,
        Target: { Arn: this.queueArn, RoleArn: this.role('sender'), Input: 'the body', ...Target },
      }),
    );
  }

  async pass(seconds: number): Promise<void> {
    await this.cloud.clock.pass(seconds * 1000);
  }

  /** What lies in a queue, and when it was sent in seconds after the start; it stays there, hidden for a while. */
  async messages(name = 'queue') {
    const received = await this.cloud.sqs.receive(this.cloud.sqs.arnOf(name));
    return received.map(({ body, messageAttributes, attributes }) => ({
      body,
      messageAttributes,
      groupId: attributes.MessageGroupId,
      atSeconds: Math.round((Number(attributes.SentTimestamp) - START_MS) / 1000),
    }));
  }

  async bodies(name = 'queue'): Promise<string[]> {
    return (await this.messages(name)).map(({ body }) => body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.destroy();
    await this.cloud.stop();
  }
}
