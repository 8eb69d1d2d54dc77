import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import { afterAll, describe, expect, it } from 'vitest';
import { settingsOf } from '../../infra/config.ts';
import { AlarmTopic } from '../../infra/constructs/alarm-topic.ts';
import { JobPlatform } from '../../infra/constructs/job-platform.ts';
import { JobQueue } from '../../infra/constructs/job-queue.ts';
import { StateStack } from '../../infra/stacks/state.ts';
import { newApp } from '../../infra/stage.ts';
import { defineJob } from '../../shared/jobs/define-job.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { synthesized } from './synthesized.ts';

interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
}
type Resources = Readonly<Record<string, Resource>>;

/**
 * What holds something that nobody can make again, and which of its properties CloudFormation can only change by a new one ("Update
 * requires: Replacement" in its reference: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/).
 */
const REPLACED_WITH: Readonly<Record<string, readonly string[]>> = {
  'AWS::DynamoDB::GlobalTable': ['TableName', 'KeySchema', 'LocalSecondaryIndexes'],
  'AWS::SQS::Queue': ['QueueName', 'FifoQueue'],
  'AWS::S3::Bucket': ['BucketName', 'ObjectLockEnabled'],
  // Another generator is no replacement: it writes a new value over the one that was filled in.
  'AWS::SecretsManager::Secret': ['Name', 'GenerateSecretString'],
  'AWS::Scheduler::ScheduleGroup': ['Name'],
  'AWS::SES::EmailIdentity': ['EmailIdentity'],
  'AWS::SES::ConfigurationSet': ['Name'],
};

/** What a deployment from one template to the other would delete or make anew, a line each. */
function lost(before: Resources, after: Resources): string[] {
  return Object.entries(before).flatMap(([id, { Type, Properties = {} }]) => {
    const replacing = REPLACED_WITH[Type];
    if (replacing === undefined) return [];
    const now = after[id];
    if (now?.Type !== Type) return [`${Type} ${id} is deleted`];
    return replacing
      .filter((name) => JSON.stringify(Properties[name]) !== JSON.stringify(now.Properties?.[name]))
      .map((name) => `${Type} ${id} is replaced, since ${name} changes`);
  });
}

const directory = mkdtempSync(join(tmpdir(), 'honest-jobs-stateful-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Both stacks with one job type, whose handler is this code. */
function deployed(code: string, job = JOBS.processPayment as Parameters<typeof defineJob>[0]) {
  const entry = join(directory, 'handler.ts');
  writeFileSync(entry, code);
  const app = newApp({ builtinCloudFormationValidation: false });
  const settings = settingsOf('dev');
  const state = new StateStack(app, 'State', { settings });
  const stack = new Stack(app, 'Jobs');
  new JobPlatform(stack, 'Platform', {
    settings,
    state,
    alarmTopic: new AlarmTopic(stack, 'Topic'),
    dashboard: new Dashboard(stack, 'Dashboard'),
  });
  new JobQueue(stack, 'ProcessPayment', { job: defineJob(job), entry });
  const resourcesOf = (one: Stack): Resources => Template.fromStack(one).toJSON().Resources;
  return { ...resourcesOf(state), ...resourcesOf(stack) };
}

const resourcesOfStage = (stage: string): Resources => {
  const { template } = synthesized({ stage });
  return { ...template.state.toJSON().Resources, ...template.jobs.toJSON().Resources };
};

describe('a deployment replaces no table and no queue', () => {
  it('when a function changes', () => {
    const before = deployed('export const handler = async () => 1;');
    const after = deployed('export const handler = async () => 2;');
    expect(lost(before, after)).toEqual([]);
    const changed = Object.keys(after).filter(
      (id) => JSON.stringify(before[id]) !== JSON.stringify(after[id]),
    );
    expect(changed.map((id) => after[id]?.Type)).toEqual(['AWS::Lambda::Function']);
  });

  it('when the limits and the schedule of a contract change', () => {
    const job = { ...JOBS.processPayment, timeoutSeconds: 77, maxConcurrency: 33, batchSize: 3 };
    const code = 'export const handler = async () => 1;';
    const after = deployed(code, job as Parameters<typeof defineJob>[0]);
    expect(lost(deployed(code), after)).toEqual([]);
  });

  it.each([
    ['its own settings', { logRetentionDays: 30, pointInTimeRecovery: true, deletionProtection: true }],
    [
      'its alarms',
      { alarmEmail: 'night@example.com', thresholds: { ...settingsOf('dev').thresholds, depth: {} } },
    ],
  ] as const)('when a stage changes %s', (_what, changes) => {
    const { template } = synthesized({ stage: 'dev', ...changes });
    const after = { ...template.state.toJSON().Resources, ...template.jobs.toJSON().Resources };
    expect(lost(resourcesOfStage('dev'), after)).toEqual([]);
  });
});

describe('the comparison', () => {
  const before = resourcesOfStage('dev');

  it('knows every type of the templates that holds state', () => {
    const kept = new Set(
      Object.values(
        resourcesOfStage('prod') as Readonly<Record<string, Resource & { DeletionPolicy?: string }>>,
      )
        .filter(({ DeletionPolicy }) => DeletionPolicy === 'RetainExceptOnCreate')
        .map(({ Type }) => Type),
    );
    expect([...kept].filter((type) => REPLACED_WITH[type] === undefined)).toEqual([]);
    expect(kept).toContain('AWS::SQS::Queue');
    expect(kept).toContain('AWS::DynamoDB::GlobalTable');
  });

  it('finds a queue whose construct has moved, and so has another logical id', () => {
    const [id = '', queue] = Object.entries(before).find(([, { Type }]) => Type === 'AWS::SQS::Queue') ?? [];
    const { [id]: _moved, ...rest } = before;
    expect(lost(before, { ...rest, MovedQueue: queue as Resource })).toEqual([
      `AWS::SQS::Queue ${id} is deleted`,
    ]);
  });

  it('finds a table whose key changes', () => {
    const [id = '', table] =
      Object.entries(before).find(([, { Type }]) => Type === 'AWS::DynamoDB::GlobalTable') ?? [];
    const Properties = { ...table?.Properties, KeySchema: [{ AttributeName: 'other', KeyType: 'HASH' }] };
    expect(lost(before, { ...before, [id]: { Type: 'AWS::DynamoDB::GlobalTable', Properties } })).toEqual([
      `AWS::DynamoDB::GlobalTable ${id} is replaced, since KeySchema changes`,
    ]);
  });
});
