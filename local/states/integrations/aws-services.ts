import { AwsError } from '../../kernel/errors.ts';
import type { Service } from '../../kernel/service.ts';
import { runtimeError, StateError } from '../errors.ts';
import { isRecord } from '../values/scope.ts';
import type { IntegrationParts, TaskCall } from './integrations.ts';
import { checkRole } from './roles.ts';

/** A service that speaks AWS JSON, as Step Functions knows it. */
interface CallableService {
  readonly signingName: string;
  /** Before the operation's name in `X-Amz-Target`. */
  readonly target: string;
  readonly version: '1.0' | '1.1';
  /** Before an error's name: of an optimized integration, and of one by the SDK. */
  readonly errors: { readonly optimized: string; readonly sdk: string };
  /** Of the policies' actions. */
  readonly iam: string;
  /** The ARN that a call is about; `*` where it is about none. */
  resourceOf(parameters: Readonly<Record<string, unknown>>, at: string): string;
}

type Call = (call: TaskCall) => Promise<unknown>;

const SERVICES: Readonly<Record<string, CallableService>> = {
  sqs: {
    signingName: 'sqs',
    target: 'AmazonSQS',
    version: '1.0',
    errors: { optimized: 'SQS', sdk: 'Sqs' },
    iam: 'sqs',
    resourceOf: ({ QueueUrl }, at) => `arn:aws:sqs:${at}:${String(QueueUrl).split('/').pop()}`,
  },
  dynamodb: {
    signingName: 'dynamodb',
    target: 'DynamoDB_20120810',
    version: '1.0',
    errors: { optimized: 'DynamoDB', sdk: 'DynamoDb' },
    iam: 'dynamodb',
    resourceOf: ({ TableName }, at) =>
      String(TableName).startsWith('arn:')
        ? String(TableName)
        : `arn:aws:dynamodb:${at}:table/${String(TableName)}`,
  },
  sfn: {
    signingName: 'states',
    target: 'AWSStepFunctions',
    version: '1.0',
    errors: { optimized: 'StepFunctions', sdk: 'Sfn' },
    iam: 'states',
    resourceOf: ({ stateMachineArn, executionArn }) => String(stateMachineArn ?? executionArn ?? '*'),
  },
  eventbridge: {
    signingName: 'events',
    target: 'AWSEvents',
    version: '1.1',
    errors: { optimized: 'EventBridge', sdk: 'EventBridge' },
    iam: 'events',
    resourceOf: (_, at) => `arn:aws:events:${at}:event-bus/default`,
  },
};

/** https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html */
export function awsSdkIntegration(
  service: string,
  action: string,
  parts: IntegrationParts,
): Call | undefined {
  const callable = Object.hasOwn(SERVICES, service) ? SERVICES[service] : undefined;
  return callable && ((call) => called(callable, operationOf(action), callable.errors.sdk, call, parts));
}

/** By service and action, which service of {@link SERVICES} they are. */
const OPTIMIZED: Readonly<Record<string, string>> = {
  'sqs:sendMessage': 'sqs',
  'dynamodb:getItem': 'dynamodb',
  'dynamodb:putItem': 'dynamodb',
  'dynamodb:updateItem': 'dynamodb',
  'dynamodb:deleteItem': 'dynamodb',
  'events:putEvents': 'eventbridge',
  'states:startExecution': 'sfn',
};

/** https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html */
export function optimizedIntegration(
  service: string,
  action: string,
  waits: boolean,
  parts: IntegrationParts,
): Call | undefined {
  // DynamoDB hands no token on. https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
  if (waits && service === 'dynamodb') return undefined;
  const callable = SERVICES[OPTIMIZED[`${service}:${action}`] ?? ''];
  if (!callable) return undefined;
  return (call) => {
    const parameters = asStrings(action, call.parameters);
    return called(callable, operationOf(action), callable.errors.optimized, { ...call, parameters }, parts);
  };
}

/** Optimized integrations take JSON where the service wants a string of it. */
function asStrings(action: string, parameters: unknown): unknown {
  if (!isRecord(parameters)) return parameters;
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  if (action === 'sendMessage') return { ...parameters, MessageBody: text(parameters.MessageBody) };
  if (action === 'putEvents' && Array.isArray(parameters.Entries))
    return {
      ...parameters,
      Entries: (parameters.Entries as Record<string, unknown>[]).map((entry) => ({
        ...entry,
        Detail: text(entry.Detail),
      })),
    };
  if (action !== 'startExecution') return parameters;
  const { StateMachineArn, Input, Name } = parameters;
  return { stateMachineArn: StateMachineArn, input: text(Input ?? {}), name: Name };
}

function operationOf(action: string): string {
  return action.slice(0, 1).toUpperCase() + action.slice(1);
}

async function called(
  callable: CallableService,
  operation: string,
  errorPrefix: string,
  { parameters, roleArn, machineArn }: TaskCall,
  parts: IntegrationParts,
): Promise<unknown> {
  const service = parts.services().find(({ signingName }) => signingName === callable.signingName);
  if (!service) throw runtimeError(`The local cloud runs no service ${callable.signingName}`);
  const input = isRecord(parameters) ? parameters : {};
  const at = machineArn.split(':').slice(3, 5).join(':');
  try {
    const action = `${callable.iam}:${operation}`;
    checkRole(parts.iam, { roleArn, machineArn, action, resource: callable.resourceOf(input, at) });
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new StateError(`${errorPrefix}.${error.code}`, error.message);
  }
  return answerOf(service, callable, operation, errorPrefix, input);
}

async function answerOf(
  service: Service,
  { target, version }: CallableService,
  operation: string,
  errorPrefix: string,
  input: object,
): Promise<unknown> {
  const { status, body } = await service.handle({
    method: 'POST',
    path: '/',
    query: new URLSearchParams(),
    headers: {
      'x-amz-target': `${target}.${operation}`,
      'content-type': `application/x-amz-json-${version}`,
    },
    body: Buffer.from(JSON.stringify(input)),
    signal: new AbortController().signal,
  });
  const answer = JSON.parse(body.toString()) as Readonly<Record<string, unknown>>;
  if (status === 200) return answer;
  const code = String(answer.__type).split('#').pop();
  throw new StateError(`${errorPrefix}.${code}`, String(answer.message ?? answer.Message ?? code));
}
