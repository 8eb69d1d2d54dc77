import type { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { settingsOf } from '../../infra/config.ts';
import { StagedJob, type StagedJobProps } from '../../infra/constructs/staged-job.ts';
import { type Flow, processorOf, readDefinition, type State } from '../../local/states/definition.ts';
import { defineStage, defineStagedJob } from '../../shared/jobs/staged-job.ts';
import { stackWith } from './platform-stack.ts';

const any = z.unknown();
const retry = { attempts: 4, baseSeconds: 7, capSeconds: 90 };
const plan = defineStage({ name: 'plan', input: any, output: any, timeoutSeconds: 20, memoryMegabytes: 640 });
const frame = defineStage({ ...plan, name: 'frame', retry, forEach: { list: 'frames', mostAtATime: 12 } });
const cut = defineStage({ ...plan, name: 'cut' });
const score = defineStage({ ...plan, name: 'score' });
const show = defineStage({ ...plan, name: 'show' });
const makeFilm = defineStagedJob({
  type: 'make-film',
  payload: z.object({ title: z.string() }),
  key: ({ title }) => title,
  stages: [plan, frame, [cut, score], show],
  executionTimeoutSeconds: 7200,
});
const NAMES = ['plan', 'frame', 'cut', 'score', 'show'];
const functionOf = (stage: string): string => `hj-dev-make-film-${stage}`;

function made(props: StagedJobProps): { readonly template: Template; readonly stagedJob: StagedJob } {
  const stagedJobs: StagedJob[] = [];
  const template = stackWith(settingsOf('dev'), (stack) => {
    stagedJobs.push(new StagedJob(stack, 'MakeFilm', props));
  });
  return { template, stagedJob: stagedJobs[0] as StagedJob };
}

const { template, stagedJob } = made({
  job: makeFilm,
  stageEntry: (stage) => `functions/make-film/${stage}.ts`,
});

// biome-ignore lint/suspicious/noExplicitAny: a template's properties have no type
type Properties = any;
const resources = (type: string): [id: string, properties: Properties][] =>
  Object.entries(template.findResources(type)).map(([id, { Properties }]) => [id, Properties]);

function deployed(functionName: string): { readonly id: string; readonly properties: Properties } {
  const found = resources('AWS::Lambda::Function').find(
    ([, { FunctionName }]) => FunctionName === functionName,
  );
  if (!found) throw new Error(`no function ${functionName}`);
  return { id: found[0], properties: found[1] };
}

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

/** What a role may do, by its logical id. */
function statementsOf(role: string): readonly Statement[] {
  return resources('AWS::IAM::Policy')
    .filter(([, { Roles }]) => Roles.some(({ Ref }: { Ref: string }) => Ref === role))
    .flatMap(([, { PolicyDocument }]) => PolicyDocument.Statement as Statement[]);
}

const roleOf = (functionName: string): string => deployed(functionName).properties.Role['Fn::GetAtt'][0];
const actionsOf = (statements: readonly Statement[]): string[] =>
  statements.flatMap(({ Action }) => Action).sort();
const allowing = (statements: readonly Statement[], action: string): readonly Statement[] =>
  statements.filter(({ Action }) => [Action].flat().includes(action));

/** A partition that is not the commonest one: what names another is not found there. */
const NAMED: Readonly<Record<string, string>> = { 'AWS::Partition': 'aws-cn' };

/** With a name in place of what CloudFormation fills in. */
function definition(): { readonly text: string; readonly flow: Flow } {
  const [[, { DefinitionString }] = []] = resources('AWS::StepFunctions::StateMachine');
  const text = (DefinitionString['Fn::Join'][1] as (string | { Ref: string } | { 'Fn::GetAtt': [string] })[])
    .map((part) => {
      if (typeof part === 'string') return part;
      return 'Ref' in part ? NAMED[part.Ref] : `arn:${part['Fn::GetAtt'][0]}`;
    })
    .join('');
  return { text, flow: readDefinition(text, (resource) => resource === 'arn:aws-cn:states:::lambda:invoke') };
}

/** The Task of each stage by its name, wherever it is. */
function tasksOf(flow: Flow): Record<string, State> {
  return Object.fromEntries(
    Object.entries(flow.States).flatMap(([name, state]): [string, State][] => {
      if (state.Type === 'Task') return [[name, state]];
      const inner = state.Type === 'Map' ? [processorOf(state)] : (state.Branches as Flow[]);
      return inner.flatMap((each) => Object.entries(tasksOf(each)));
    }),
  );
}

describe('a staged job', () => {
  test('has one function a stage, with the memory of its contract and the margin beyond its timeout', () => {
    for (const name of NAMES)
      expect(deployed(functionOf(name)).properties).toMatchObject({ MemorySize: 640, Timeout: 20 + 15 });
    const stages = resources('AWS::Lambda::Function').filter(([, { FunctionName }]) =>
      FunctionName.startsWith('hj-'),
    );
    expect(stages).toHaveLength(NAMES.length);
  });

  test.each(NAMES)(
    "lets stage %s reach its job's own records and data, write its log, and nothing else",
    (name) => {
      const statements = statementsOf(roleOf(functionOf(name)));
      expect(actionsOf(statements)).toEqual([
        'dynamodb:ConditionCheckItem',
        'dynamodb:GetItem',
        'dynamodb:UpdateItem',
        'logs:CreateLogStream',
        'logs:PutLogEvents',
        's3:GetObject',
        's3:PutObject',
      ]);
      expect(allowing(statements, 'dynamodb:UpdateItem')[0]?.Condition).toEqual({
        'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['make-film#*'] },
      });
      const objects = JSON.stringify(allowing(statements, 's3:PutObject')[0]?.Resource);
      expect([...objects.matchAll(/"(\/[^"]*)"/g)].map(([, path]) => path)).toEqual([
        '/stage-data/make-film/*',
        '/step-results/make-film/*',
      ]);
    },
  );

  test('lets its starter start its own state machine and resume its executions, beyond what a consumer may', () => {
    const statements = statementsOf(roleOf('honest-jobs-dev-make-film'));
    expect(actionsOf(statements).filter((action) => action.startsWith('states:'))).toEqual([
      'states:DescribeExecution',
      'states:RedriveExecution',
      'states:StartExecution',
    ]);
    const [[machine] = []] = resources('AWS::StepFunctions::StateMachine');
    expect(allowing(statements, 'states:StartExecution')[0]?.Resource).toEqual({ Ref: machine });
    expect(JSON.stringify(allowing(statements, 'states:RedriveExecution')[0]?.Resource)).toMatch(
      /:states:.*:execution:.*:\*"/,
    );
    expect(deployed('honest-jobs-dev-make-film').properties.Environment.Variables).toMatchObject({
      HONEST_JOBS_TYPE: 'make-film',
      HONEST_JOBS_STATE_MACHINE_ARN: { Ref: machine },
    });
  });

  test('lets its state machine invoke its own stages, and no other function', () => {
    const [[, { RoleArn }] = []] = resources('AWS::StepFunctions::StateMachine');
    const [invoke, ...others] = allowing(statementsOf(RoleArn['Fn::GetAtt'][0]), 'lambda:InvokeFunction');
    expect(others).toEqual([]);
    const invoked = ((invoke?.Resource ?? []) as { 'Fn::GetAtt': [string] }[]).map(
      (one) => one['Fn::GetAtt'][0],
    );
    expect(invoked.sort()).toEqual(NAMES.map((name) => deployed(functionOf(name)).id).sort());
  });

  test('tells of a stage that it does not have which there are', () => {
    expect(() => stagedJob.stage('edit')).toThrow(
      'make-film has no stage "edit"; it has plan, frame, cut, score, show.',
    );
  });

  test('without a stage’s handler names the file to write', () => {
    expect(() => made({ job: makeFilm })).toThrow('write functions/make-film/plan.ts');
  });
});

describe('its state machine', () => {
  test('is valid, and has a state for each element of the order, by its kind', () => {
    const { flow } = definition();
    expect(Object.entries(flow.States).map(([name, { Type }]) => [name, Type])).toEqual([
      ['plan', 'Task'],
      ['each frame', 'Map'],
      ['cut+score', 'Parallel'],
      ['show', 'Task'],
    ]);
    expect(flow).toMatchObject({ StartAt: 'plan', TimeoutSeconds: 7200 });
    expect(flow.States['each frame']).toMatchObject({ MaxConcurrency: 12, ItemsPath: '$.before.items' });
    expect(flow.States['cut+score']?.ResultSelector).toEqual({
      output: { 'cut.$': '$[0]', 'score.$': '$[1]' },
      items: [],
    });
  });

  test('invokes the function of each stage, for five seconds longer than that runs', () => {
    const tasks = tasksOf(definition().flow);
    expect(Object.keys(tasks).sort()).toEqual([...NAMES].sort());
    for (const [name, { Parameters, TimeoutSeconds }] of Object.entries(tasks)) {
      expect(Parameters).toMatchObject({ FunctionName: `arn:${deployed(functionOf(name)).id}` });
      expect(TimeoutSeconds).toBe(20 + 15 + 5);
    }
  });

  test('catches nothing, so that a redrive restarts the stage that failed', () => {
    expect(definition().text).not.toContain('"Catch"');
  });

  test('tries again as the contract says, with full jitter and a cap; after the cap what asks for no sooner; not what is permanent; each minute what asks for later; for long what Lambda refuses', () => {
    const { frame, ...others } = tasksOf(definition().flow);
    expect(frame?.Retry).toEqual([
      { ErrorEquals: ['PermanentError', 'Cancelled'], MaxAttempts: 0 },
      {
        ErrorEquals: ['RetryAfter', 'StepUnverified'],
        IntervalSeconds: 60,
        BackoffRate: 1,
        MaxAttempts: 30,
      },
      { ErrorEquals: ['RetryNoSooner'], IntervalSeconds: 90, BackoffRate: 1, MaxAttempts: 3 },
      expect.objectContaining({
        ErrorEquals: expect.arrayContaining(['Lambda.TooManyRequestsException', 'Lambda.ServiceException']),
        MaxDelaySeconds: 300,
        MaxAttempts: 50,
      }),
      {
        ErrorEquals: ['States.ALL'],
        IntervalSeconds: 7,
        BackoffRate: 2,
        MaxDelaySeconds: 90,
        JitterStrategy: 'FULL',
        MaxAttempts: 3,
      },
    ]);
    for (const { Retry } of Object.values(others))
      expect(Retry?.at(-1)).toMatchObject({ IntervalSeconds: 5, MaxDelaySeconds: 300, MaxAttempts: 9 });
  });

  test('is a Standard one under the name of its type, and logs its errors', () => {
    template.hasResourceProperties('AWS::StepFunctions::StateMachine', {
      StateMachineName: 'honest-jobs-dev-make-film',
      LoggingConfiguration: { Level: 'ERROR' },
    });
    const [[, { StateMachineType = 'STANDARD' }] = []] = resources('AWS::StepFunctions::StateMachine');
    expect(StateMachineType).toBe('STANDARD');
  });
});

describe('the ends of its executions', () => {
  const recorder = 'honest-jobs-dev-execution-ends';
  /** The one rule that has such a trigger. */
  const ruleWith = (trigger: string): Properties => {
    const rules = resources('AWS::Events::Rule').filter(([, properties]) => trigger in properties);
    expect(rules).toHaveLength(1);
    return rules[0]?.[1] ?? {};
  };

  test('go to the function that records them, those of its own machine and of no other', () => {
    const [[machine] = []] = resources('AWS::StepFunctions::StateMachine');
    expect(ruleWith('EventPattern')).toMatchObject({
      EventPattern: {
        source: ['aws.states'],
        'detail-type': ['Step Functions Execution Status Change'],
        detail: {
          stateMachineArn: [{ Ref: machine }],
          status: ['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'],
        },
      },
      Targets: [{ Arn: { 'Fn::GetAtt': [deployed(recorder).id, 'Arn'] } }],
    });
  });

  test('are looked for every quarter of an hour, should no event tell of them', () => {
    const [[machine] = []] = resources('AWS::StepFunctions::StateMachine');
    const { ScheduleExpression, Targets } = ruleWith('ScheduleExpression');
    expect(ScheduleExpression).toBe('rate(15 minutes)');
    expect(Targets[0]).toMatchObject({ Arn: { 'Fn::GetAtt': [deployed(recorder).id, 'Arn'] } });
    const [, [before, { Ref }, after]] = Targets[0].Input['Fn::Join'];
    expect(Ref).toBe(machine);
    expect(JSON.parse(`${before}ARN${after}`)).toEqual({
      sweep: { stateMachineArn: 'ARN', executionTimeoutSeconds: 7200, withinSeconds: 65 * 60 },
    });
    expect(allowing(statementsOf(roleOf(recorder)), 'states:ListExecutions')).toMatchObject([
      { Resource: { Ref: machine } },
    ]);
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: `${recorder}-swept-ends-warning`,
      MetricName: 'EndsSwept',
      Dimensions: [{ Name: 'service', Value: 'execution-ends' }],
      Threshold: 1,
    });
  });

  test('are recorded by a function that reads data, updates records and sends messages back, and may do no more', () => {
    const statements = statementsOf(roleOf(recorder));
    expect([...new Set(actionsOf(statements))]).toEqual([
      'dynamodb:GetItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      's3:GetObject',
      'sqs:SendMessage',
      'states:DescribeExecution',
      'states:ListExecutions',
    ]);
    expect(allowing(statements, 'dynamodb:UpdateItem').map(({ Condition }) => Condition)).toEqual([
      { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['make-film#*'] } },
    ]);
  });

  test('that cannot be recorded are kept, and an alarm says so', () => {
    template.hasResourceProperties('AWS::SQS::Queue', { QueueName: `${recorder}-dead` });
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', { MaximumRetryAttempts: 2 });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: `${recorder}-lost-ends-critical`,
      Threshold: 1,
    });
  });
});

describe('its alarms', () => {
  const alarms = new Map<string, Properties>(
    resources('AWS::CloudWatch::Alarm').map(([, properties]) => [properties.AlarmName, properties]),
  );

  test.each([
    ['failed-executions', 'ExecutionsFailed'],
    ['timed-out-executions', 'ExecutionsTimedOut'],
  ])('say from the first one on that there are %s', (name, metric) => {
    expect(alarms.get(`honest-jobs-dev-make-film-${name}-warning`)).toMatchObject({
      Namespace: 'AWS/States',
      MetricName: metric,
      Statistic: 'Sum',
      Threshold: 1,
    });
  });

  test('say of each stage that it takes four fifths of its time', () => {
    for (const name of NAMES)
      expect(alarms.get(`honest-jobs-dev-make-film-${name}-stage-duration-warning`)).toMatchObject({
        MetricName: 'Duration',
        Statistic: 'Maximum',
        Threshold: 0.8 * 20 * 1000,
        Dimensions: [{ Name: 'FunctionName', Value: { Ref: deployed(functionOf(name)).id } }],
      });
  });

  test('are there beside those of every queue', () => {
    expect(alarms.has('honest-jobs-dev-make-film-dead-letters-warning')).toBe(true);
  });
});
