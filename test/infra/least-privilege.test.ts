import { describe, expect, test } from 'vitest';
import type { AnyJob } from '../../shared/jobs/define-job.ts';
import { ALLOW_LOOPBACK_VARIABLE } from '../../shared/jobs/environment.ts';
import { stageFunctionName } from '../../shared/jobs/names.ts';
import { JOB_TYPES, JOBS } from '../../shared/jobs/registry.ts';
import { isStaged } from '../../shared/jobs/staged-job.ts';
import { synthesized } from './synthesized.ts';

const dev = synthesized({ stage: 'dev' });
const ALL: readonly AnyJob[] = Object.values(JOBS);
const STAGED = ALL.filter((job) => isStaged(job));
const STAGES = STAGED.flatMap(({ type, stages }) => stages.flat().map(({ name }) => ({ type, name })));
/**
 * A consumer each, a stage each, a state machine each; EventBridge Scheduler's, and those of the functions that record SES's events and the ends
 * of executions, and that receive webhooks.
 */
const ROLES = JOB_TYPES.length + STAGES.length + STAGED.length + 4;

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

const policies = [...dev.resources('AWS::IAM::Policy').values()].map(({ Properties }) => ({
  name: Properties.PolicyName as string,
  statements: Properties.PolicyDocument.Statement as readonly Statement[],
}));
const listed = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);

/** What the consumer of a type may do, each action with the resources it may do it to. */
function allowed(type: string): readonly string[] {
  const name = type.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return policies
    .filter((policy) => policy.name.startsWith(name))
    .flatMap(({ statements }) => statements)
    .flatMap(({ Action, Resource }) =>
      listed(Action).map((action) => `${action} ${listed(Resource).map(shortened).join(' ')}`),
    );
}

/** `SendEmailQueueA47F8591` → `SendEmailQueue`, an import → the subject of the State stack, each with the path that follows it. */
function shortened(resource: unknown): string {
  const text = JSON.stringify(resource);
  const path = /"[^"]*?((?:schedule)?\/[^"]*)"\]\]\}$/.exec(text)?.[1] ?? '';
  return subjectOf(text) + path;
}

function subjectOf(text: string): string {
  if (text.includes(':scheduler:')) return '';
  // Not imported, so that it can be another one.
  if (text.includes(':identity/')) return 'identity';
  const id =
    /ExportsOutput(?:FnGetAtt|Ref)([A-Za-z]+?)[0-9A-F]{8}/.exec(text)?.[1] ??
    /"Fn::GetAtt":\["([A-Za-z]+?)[0-9A-F]{8}"/.exec(text)?.[1];
  return id ?? text;
}

describe('a consumer', () => {
  test('has no action by wildcard, and resources by wildcard only under the name of its type', () => {
    const statements = policies.flatMap(({ statements }) => statements);
    expect(policies).toHaveLength(ROLES);
    for (const { Action, Resource } of statements) {
      expect(listed(Action).filter((action) => action.includes('*'))).toEqual([]);
      // A state machine's log delivery has no resource to name. https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
      if (listed(Action).includes('logs:CreateLogDelivery')) continue;
      for (const resource of listed(Resource)
        .map(shortened)
        .filter((each) => each.includes('*')))
        expect(resource).toMatch(
          /^(schedule\/honest-jobs-dev\/[a-z-]+-|Payloads\/(step-results\/[a-z-]+|stage-data\/[a-z-]+|report-assets|report-data|reports)\/)\*$/,
        );
    }
  });

  test('has a role of its own, without what AWS manages', () => {
    const roles = [...dev.resources('AWS::IAM::Role').values()];
    expect(roles).toHaveLength(ROLES);
    for (const { Properties } of roles) expect(Properties.ManagedPolicyArns).toBeUndefined();
  });

  const common = (name: string, type: string) => [
    `logs:CreateLogStream ${name}Logs`,
    `logs:PutLogEvents ${name}Logs`,
    `sqs:ReceiveMessage ${name}Queue`,
    `sqs:DeleteMessage ${name}Queue`,
    `sqs:ChangeMessageVisibility ${name}Queue`,
    `sqs:GetQueueAttributes ${name}Queue`,
    `sqs:SendMessage ${name}Queue`,
    'dynamodb:Query Jobs',
    'dynamodb:PutItem Jobs',
    'dynamodb:UpdateItem Jobs',
    `scheduler:CreateSchedule schedule/honest-jobs-dev/${type}-*`,
    'iam:PassRole PlatformScheduleRole',
    `s3:GetObject Payloads/step-results/${type}/*`,
    `s3:PutObject Payloads/step-results/${type}/*`,
  ];

  test("of e-mails reaches the suppressions, SES and SES's events beyond its own queue, logs and records", () => {
    expect(allowed('send-email')).toEqual([
      ...common('SendEmail', 'send-email'),
      'dynamodb:GetItem Suppressions',
      'dynamodb:PutItem Suppressions',
      'dynamodb:Query EmailEvents',
      'ses:SendEmail identity/dev.example.com Emails',
    ]);
  });

  test('of payments reaches payments and accounts beyond its own, and deletes nothing', () => {
    expect(allowed('process-payment')).toEqual([
      ...common('ProcessPayment', 'process-payment'),
      'dynamodb:GetItem Payments',
      'dynamodb:PutItem Payments',
      'dynamodb:GetItem Accounts',
      'dynamodb:UpdateItem Accounts',
    ]);
  });

  test('of orders reaches orders and stock beyond its own, and publishes e-mails', () => {
    expect(allowed('place-order')).toEqual([
      ...common('PlaceOrder', 'place-order'),
      'dynamodb:GetItem Orders',
      'dynamodb:PutItem Orders',
      'dynamodb:GetItem Stock',
      'dynamodb:UpdateItem Stock',
      'sqs:SendMessage SendEmailQueue',
    ]);
  });

  test('of charges reaches charges and the one secret of its provider beyond its own, and deletes nothing', () => {
    expect(allowed('charge-card')).toEqual([
      ...common('ChargeCard', 'charge-card'),
      'dynamodb:GetItem Charges',
      'dynamodb:PutItem Charges',
      'secretsmanager:GetSecretValue CardProvider',
    ]);
  });

  test('of inbound webhooks reaches the states of payments and orders beyond its own, and deletes nothing', () => {
    expect(allowed('process-webhook')).toEqual([
      ...common('ProcessWebhook', 'process-webhook'),
      'dynamodb:GetItem WebhookStates',
      'dynamodb:UpdateItem WebhookStates',
    ]);
  });

  test('of fan-outs reads of an endpoint what tells whether it gets an event, and no signing secret', () => {
    const reads = policies
      .filter(({ name }) => name.startsWith('FanOutEvent'))
      .flatMap(({ statements }) => statements)
      .filter(({ Resource }) => JSON.stringify(Resource).includes('WebhookEndpoints'));
    expect(reads.map(({ Condition }) => Condition)).toEqual([
      {
        'ForAllValues:StringEquals': {
          'dynamodb:Attributes': ['tenant', 'endpointId', 'eventTypes', 'state'],
        },
        StringEquals: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
      },
    ]);
  });

  test('of fan-outs reads the endpoints and publishes deliveries beyond its own', () => {
    expect(allowed('fan-out-event')).toEqual([
      ...common('FanOutEvent', 'fan-out-event'),
      'dynamodb:Query WebhookEndpoints',
      'sqs:SendMessage DeliverWebhookQueue',
    ]);
  });

  test('of deliveries reads and changes endpoints, and writes for their tenants what it cannot read again', () => {
    expect(allowed('deliver-webhook')).toEqual([
      ...common('DeliverWebhook', 'deliver-webhook'),
      'dynamodb:GetItem WebhookEndpoints',
      'dynamodb:UpdateItem WebhookEndpoints',
      'dynamodb:PutItem WebhookDeliveries',
      'sqs:SendMessage SendEmailQueue',
    ]);
  });

  test.each([
    ['process-asset', ['s3:GetObject Payloads/report-assets/*', 's3:PutObject Payloads/report-data/*']],
    [
      'generate',
      [
        'dynamodb:Query Orders/index/by-day',
        'dynamodb:Query Payments/index/by-day',
        's3:GetObject Payloads/report-data/*',
        's3:PutObject Payloads/report-data/*',
      ],
    ],
    [
      'upload',
      [
        's3:GetObject Payloads/report-data/*',
        's3:PutObject Payloads/reports/*',
        's3:AbortMultipartUpload Payloads/reports/*',
        'dynamodb:GetItem Reports',
        'dynamodb:PutItem Reports',
      ],
    ],
    ['notify', ['s3:GetObject Payloads/reports/*', 'sqs:SendMessage SendEmailQueue']],
    ['record', ['dynamodb:PutItem Reports']],
  ])('of stage %s of a report reaches what that stage needs and no more', (stage, own) => {
    const all = allowed(`generate-report-stage${stage.replaceAll('-', '')}`);
    const common = [
      /^logs:/,
      /^dynamodb:\w+ Jobs$/,
      / Payloads\/(stage-data|step-results)\/generate-report\/\*/,
    ];
    // The CDK puts statements together, so that their order says nothing.
    const each = all.flatMap((line) => {
      const [action, ...resources] = line.split(' ');
      return resources.map((resource) => `${action} ${resource}`);
    });
    expect(each.filter((action) => !common.some((pattern) => pattern.test(action))).toSorted()).toEqual(
      own.toSorted(),
    );
  });

  test.each(JOB_TYPES)('of %s sees the records of its own jobs only', (type) => {
    const conditions = policies
      .flatMap(({ statements }) => statements)
      .map(({ Condition }) => Condition)
      .filter((condition) => JSON.stringify(condition)?.includes(`"${type}#*"`));
    const stages = STAGES.filter((stage) => stage.type === type).length;
    const own = { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [`${type}#*`] } };
    // Its consumer, its stages, and of a staged job the function that records how its executions end.
    const readers = 1 + stages + (stages > 0 ? 1 : 0);
    expect(conditions).toEqual(Array.from({ length: readers }, () => own));
  });

  test('hands its schedules one role, which nobody but EventBridge Scheduler takes', () => {
    const passing = policies
      .flatMap(({ statements }) => statements)
      .filter(({ Action }) => Action === 'iam:PassRole');
    expect(passing).toHaveLength(JOB_TYPES.length);
    for (const { Condition, Resource } of passing) {
      expect(shortened(Resource)).toBe('PlatformScheduleRole');
      expect(Condition).toEqual({ StringEquals: { 'iam:PassedToService': 'scheduler.amazonaws.com' } });
    }
  });

  test('of e-mails writes as one sender of its domain', () => {
    const send = policies
      .flatMap(({ statements }) => statements)
      .find(({ Action }) => Action === 'ses:SendEmail');
    expect(send?.Condition).toEqual({ StringEquals: { 'ses:FromAddress': 'no-reply@dev.example.com' } });
  });
});

test('what receives webhooks reads the signing secrets and sends to one queue, and nothing else', () => {
  expect(allowed('webhook-ingress')).toEqual([
    'logs:CreateLogStream WebhookIngressLogs',
    'logs:PutLogEvents WebhookIngressLogs',
    'sqs:SendMessage ProcessWebhookQueue',
    'secretsmanager:GetSecretValue WebhooksAcmeShop WebhooksStripe',
  ]);
});

test('no function may reach addresses of its own machine', () => {
  const functions = [...dev.resources('AWS::Lambda::Function').values()];
  for (const { Properties } of functions)
    expect(JSON.stringify(Properties.Environment ?? {})).not.toContain(ALLOW_LOOPBACK_VARIABLE);
});

describe("EventBridge Scheduler's role", () => {
  test('sends to the queues of the jobs, and does nothing else', () => {
    const queues = [...dev.resources('AWS::SQS::Queue')]
      .filter(([, { Properties }]) => !Properties.QueueName.endsWith('-dead'))
      .map(([id]) => shortened({ 'Fn::GetAtt': [id, 'Arn'] }));
    expect(queues).toHaveLength(JOB_TYPES.length);
    const reached = policies
      .filter(({ name }) => name.startsWith('PlatformScheduleRole'))
      .flatMap(({ statements }) => statements)
      .flatMap(({ Action, Resource }) =>
        listed(Action).flatMap((action) =>
          listed(Resource).map((resource) => `${action} ${shortened(resource)}`),
        ),
      );
    expect(reached.sort()).toEqual(queues.map((queue) => `sqs:SendMessage ${queue}`).sort());
  });

  test("is taken by EventBridge Scheduler alone, for schedules of the stage's group in this account", () => {
    const trust = [...dev.resources('AWS::IAM::Role')]
      .filter(([id]) => id.startsWith('PlatformScheduleRole'))
      .flatMap(([, { Properties }]) => Properties.AssumeRolePolicyDocument.Statement);
    expect(trust).toEqual([
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { Service: 'scheduler.amazonaws.com' },
        Condition: {
          StringEquals: {
            'aws:SourceAccount': { Ref: 'AWS::AccountId' },
            'aws:SourceArn': expect.anything(),
          },
        },
      },
    ]);
    const [{ Condition }] = trust;
    expect(shortened(Condition.StringEquals['aws:SourceArn'])).toBe('Deferrals');
  });
});

describe('physical names', () => {
  test('are those that publishers and operators build from stage and type', () => {
    const namesOf = (type: string, property: string) =>
      [...dev.resources(type).values()].map(({ Properties }) => Properties[property]).sort();
    const bases = JOB_TYPES.map((type) => `honest-jobs-dev-${type}`);
    const consuming = [...bases, 'honest-jobs-dev-email-events', 'honest-jobs-dev-execution-ends'];
    const stages = STAGES.map(({ type, name }) => stageFunctionName('dev', type, name));
    expect(namesOf('AWS::Lambda::Function', 'FunctionName')).toEqual(
      [...consuming, 'honest-jobs-dev-webhook-ingress', ...stages].sort(),
    );
    expect(namesOf('AWS::SQS::Queue', 'QueueName')).toEqual(
      [...bases, ...consuming.map((base) => `${base}-dead`)].sort(),
    );
    expect(namesOf('AWS::CloudWatch::Dashboard', 'DashboardName')).toEqual(['honest-jobs-dev']);
    expect(namesOf('AWS::Scheduler::ScheduleGroup', 'Name')).toEqual(['honest-jobs-dev']);
  });

  test('of what people do not look up are left to CloudFormation', () => {
    const unnamed = {
      'AWS::S3::Bucket': 'BucketName',
      'AWS::SNS::Topic': 'TopicName',
      'AWS::IAM::Role': 'RoleName',
      'AWS::SES::ConfigurationSet': 'Name',
    };
    for (const [type, property] of Object.entries(unnamed))
      for (const { Properties } of dev.resources(type).values())
        expect(Properties?.[property], type).toBeUndefined();
  });

  test('of every output are stable, since scripts read them', () => {
    const outputs = Object.keys(dev.template.jobs.toJSON().Outputs);
    expect(outputs).toEqual(
      expect.arrayContaining(['SendEmailQueueUrl', 'SendEmailQueueArn', 'AlarmTopicArn']),
    );
  });
});
