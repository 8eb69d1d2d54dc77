import { functionTimeoutSeconds } from '../../shared/jobs/define-job.ts';
import { isOne, type StagedJobSettings, type StageSettings } from '../../shared/jobs/staged-job.ts';

/** Over the function's own timeout: the function tells what happened, where it can. */
const TASK_TIMEOUT_MARGIN_SECONDS = 5;

/** A stage that asks for later is asked again each minute, for half an hour. */
const RETRY_AFTER = { IntervalSeconds: 60, BackoffRate: 1, MaxAttempts: 30 };

/**
 * No run of the stage: the account's concurrency is used up, or Lambda itself is unwell. A budget of its own, which takes some two hours to spend, and
 * which forty items side by side can spend without filling their execution's history of 25,000 events.
 * https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
 */
const LAMBDA_ITSELF = {
  ErrorEquals: [
    'Lambda.TooManyRequestsException',
    'Lambda.ServiceException',
    'Lambda.AWSLambdaException',
    'Lambda.SdkClientException',
    'Lambda.ClientExecutionTimeoutException',
  ],
  IntervalSeconds: 2,
  BackoffRate: 2,
  MaxDelaySeconds: 300,
  JitterStrategy: 'FULL',
  MaxAttempts: 50,
};

const JOB_AND_INPUT = { 'job.$': '$.job', 'payload.$': '$.payload', 'input.$': '$.before.output' };

type State = Readonly<Record<string, unknown>>;

/** What a definition names of where it is deployed. */
export interface Deployed {
  /** `aws`, or that of China or of GovCloud. */
  readonly partition: string;
  /** The ARN of a stage's function, by the stage's name. */
  readonly functionArn: (stage: string) => string;
}

/** How long a stage's function may run. */
export function stageFunctionTimeoutSeconds({ timeoutSeconds }: StageSettings): number {
  return functionTimeoutSeconds({ timeoutSeconds });
}

/**
 * The state machine of a staged job in Amazon States Language: one state an element of the order, each leaving what it returned in `$.before`.
 * None has a Catch, so that RedriveExecution restarts the stage that failed.
 */
export function stageMachine(
  { stages, executionTimeoutSeconds }: StagedJobSettings,
  deployed: Deployed,
): object {
  const names = stages.map(stateName);
  const states = stages.map((element, index): [string, State] => {
    const next = names[index + 1];
    const goesOn = next === undefined ? { End: true } : { Next: next };
    return [names[index] as string, { ...stateOf(element, deployed), ...goesOn }];
  });
  return {
    StartAt: names[0],
    TimeoutSeconds: executionTimeoutSeconds,
    States: Object.fromEntries(states),
  };
}

/** No two states of a machine have one name, those within a Map or a Parallel neither. */
function stateName(element: StagedJobSettings['stages'][number]): string {
  if (!isOne(element)) {
    const all = element.map(({ name }) => name).join('+');
    // A state's name has 80 characters at most.
    return all.length <= 80 ? all : `${element[0]?.name} and ${element.length - 1} beside it`;
  }
  return element.forEach ? `each ${element.name}` : element.name;
}

function stateOf(element: StagedJobSettings['stages'][number], deployed: Deployed): State {
  if (!isOne(element))
    return {
      Type: 'Parallel',
      Branches: element.map((stage) => inner(stage, deployed)),
      ResultSelector: {
        output: Object.fromEntries(element.map(({ name }, branch) => [`${name}.$`, `$[${branch}]`])),
        items: [],
      },
      ResultPath: '$.before',
    };
  if (element.forEach)
    return {
      Type: 'Map',
      ItemsPath: '$.before.items',
      ItemSelector: { ...JOB_AND_INPUT, 'index.$': '$$.Map.Item.Value' },
      MaxConcurrency: element.forEach.mostAtATime,
      ItemProcessor: {
        ProcessorConfig: { Mode: 'INLINE' },
        ...inner(element, deployed),
      },
      ResultSelector: { 'output.$': '$', items: [] },
      ResultPath: '$.before',
    };
  return {
    ...task(element, deployed, JOB_AND_INPUT),
    ResultSelector: { 'output.$': '$.Payload.output', 'items.$': '$.Payload.items' },
    ResultPath: '$.before',
  };
}

/** One stage as the only state of a branch or an iteration, which returns no more than its output. */
function inner(stage: StageSettings, deployed: Deployed): State {
  const payload = stage.forEach ? { ...JOB_OF_ITEM, 'index.$': '$.index' } : JOB_AND_INPUT;
  return {
    StartAt: stage.name,
    States: {
      [stage.name]: { ...task(stage, deployed, payload), OutputPath: '$.Payload.output', End: true },
    },
  };
}

const JOB_OF_ITEM = { 'job.$': '$.job', 'payload.$': '$.payload', 'input.$': '$.input' };

function task(
  stage: StageSettings,
  { partition, functionArn }: Deployed,
  Payload: Readonly<Record<string, string>>,
): State {
  const { attempts, baseSeconds, capSeconds } = stage.retry;
  const MaxAttempts = attempts - 1;
  return {
    Type: 'Task',
    Resource: `arn:${partition}:states:::lambda:invoke`,
    Parameters: { FunctionName: functionArn(stage.name), Payload },
    TimeoutSeconds: stageFunctionTimeoutSeconds(stage) + TASK_TIMEOUT_MARGIN_SECONDS,
    Retry: [
      { ErrorEquals: ['PermanentError', 'Cancelled'], MaxAttempts: 0 },
      { ErrorEquals: ['RetryAfter', 'StepUnverified'], ...RETRY_AFTER },
      // The machine cannot read how soon is too soon: its own longest delay, and none of it left to chance.
      { ErrorEquals: ['RetryNoSooner'], IntervalSeconds: capSeconds, BackoffRate: 1, MaxAttempts },
      LAMBDA_ITSELF,
      {
        ErrorEquals: ['States.ALL'],
        IntervalSeconds: baseSeconds,
        BackoffRate: 2,
        MaxDelaySeconds: capSeconds,
        JitterStrategy: 'FULL',
        MaxAttempts,
      },
    ],
  };
}
