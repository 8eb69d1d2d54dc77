import { type App, Duration, Stack, Validations } from 'aws-cdk-lib';
import { AttributeType, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda';
import { Queue, RedrivePermission } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks, type NagPack, ServerlessChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { settingsOf } from '../../../infra/config.ts';
import { addStage, newApp } from '../../../infra/stage.ts';
import { ACKNOWLEDGED, type Acknowledged } from './acknowledged.ts';
import { HonestJobsChecks } from './honest-jobs-checks.ts';

const STAGES = ['dev', 'prod', 'pr-42'];
const offline = { context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false };

interface Finding {
  readonly rule: string;
  /** From the stack on, whatever the stage. */
  readonly path: string;
}

function found(pack: NagPack, app: App): Finding[] {
  return pack.validateScope(app).violations.flatMap(({ ruleName, violatingResources }) =>
    violatingResources.map(({ constructPath = '' }) => ({
      rule: ruleName,
      path: constructPath.replace(/^HonestJobs-.+?-(State|Jobs)\//, '$1/'),
    })),
  );
}

function stageApp(stage: string): App {
  const app = newApp(offline);
  addStage(app, settingsOf(stage));
  app.synth();
  return app;
}

const explains = ({ rule, at }: Acknowledged, finding: Finding): boolean =>
  rule.test(finding.rule) && at.test(finding.path);

const used = new Set<Acknowledged>();

describe.each(STAGES)('the stage %s', (stage) => {
  const app = stageApp(stage);

  test('passes AwsSolutions and Serverless but for what is acknowledged with a reason', () => {
    const findings = [new AwsSolutionsChecks(app), new ServerlessChecks(app)].flatMap((pack) =>
      found(pack, app),
    );
    for (const one of ACKNOWLEDGED) if (findings.some((finding) => explains(one, finding))) used.add(one);
    expect(findings.filter((finding) => !ACKNOWLEDGED.some((one) => explains(one, finding)))).toEqual([]);
  });

  test('passes the rules of our own, without exception', () => {
    expect(found(new HonestJobsChecks(app, { production: stage === 'prod' }), app)).toEqual([]);
  });

  test('acknowledges nothing elsewhere, where no reason is read', () => {
    const elsewhere = app.node
      .findAll()
      .filter(({ node }) =>
        node.metadata.some(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY),
      );
    expect(elsewhere.map(({ node }) => node.path)).toEqual([]);
  });
});

test('every acknowledgement is of something that is there', () => {
  expect(ACKNOWLEDGED.filter((one) => !used.has(one)).map(({ rule }) => rule.source)).toEqual([]);
});

describe('a rule of our own finds', () => {
  /** What it finds in an app where only `plant` is. */
  function planted(plant: (stack: Stack) => void, production = true): Finding[] {
    const app = newApp(offline);
    plant(new Stack(app, 'Planted'));
    // Not synthesized: the checklist refuses some of these itself.
    return found(new HonestJobsChecks(app, { production }), app);
  }
  const table = (pointInTimeRecoveryEnabled: boolean) => (stack: Stack) =>
    new TableV2(stack, 'Table', {
      partitionKey: { name: 'id', type: AttributeType.STRING },
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled },
    });

  test('a table without point-in-time recovery, in production', () => {
    expect(planted(table(false))).toEqual([
      { rule: 'HonestJobs-PointInTimeRecovery', path: 'Planted/Table/Resource' },
    ]);
    expect(planted(table(false), false)).toEqual([]);
    expect(planted(table(true))).toEqual([]);
  });

  test('a queue policy by which anybody may send, unless a condition says who', () => {
    const open = (conditions: Record<string, object>) => (stack: Stack) =>
      new Queue(stack, 'Queue').addToResourcePolicy(
        new PolicyStatement({
          effect: Effect.ALLOW,
          principals: [new AnyPrincipal()],
          actions: ['sqs:SendMessage'],
          resources: ['*'],
          conditions,
        }),
      );
    expect(planted(open({}))).toEqual([
      { rule: 'HonestJobs-OpenQueue', path: 'Planted/Queue/Policy/Resource' },
    ]);
    expect(planted(open({ ArnEquals: { 'aws:SourceArn': 'arn:aws:sns:::topic' } }))).toEqual([]);
  });

  const withDeadLetters = (days: number, redrivePermission?: RedrivePermission) => (stack: Stack) => {
    const queue = new Queue(stack, 'Dead', {
      queueName: 'dead',
      retentionPeriod: Duration.days(days),
      ...(redrivePermission && {
        redriveAllowPolicy: {
          redrivePermission,
          sourceQueues: [Queue.fromQueueArn(stack, 'Source', 'arn:aws:sqs:us-east-1:000000000000:queue')],
        },
      }),
    });
    new Queue(stack, 'Queue', { queueName: 'queue', deadLetterQueue: { queue, maxReceiveCount: 3 } });
  };

  test('a dead-letter queue that takes letters of any queue', () => {
    expect(planted(withDeadLetters(14))).toEqual([
      { rule: 'HonestJobs-RedriveAllow', path: 'Planted/Dead/Resource' },
    ]);
    expect(planted(withDeadLetters(14, RedrivePermission.BY_QUEUE))).toEqual([]);
  });

  test('a dead-letter queue that keeps a letter no longer than its source', () => {
    expect(planted(withDeadLetters(4, RedrivePermission.BY_QUEUE))).toEqual([
      { rule: 'HonestJobs-DeadLetterRetention', path: 'Planted/Dead/Resource' },
    ]);
  });

  test('a mapping of a queue without partial batch responses', () => {
    const mapped = (functionResponseTypes: string[]) => (stack: Stack) =>
      new CfnEventSourceMapping(stack, 'Mapping', {
        functionName: 'consumer',
        eventSourceArn: new Queue(stack, 'Queue').queueArn,
        functionResponseTypes,
      });
    expect(planted(mapped([]))).toEqual([{ rule: 'HonestJobs-PartialBatches', path: 'Planted/Mapping' }]);
    expect(planted(mapped(['ReportBatchItemFailures']))).toEqual([]);
  });
});
