import { AwsError } from '../kernel/errors.ts';
import { asAwsError, parseJson } from '../kernel/json-protocol.ts';
import type { ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { type FunctionConfiguration, recursiveLoop } from './function-configuration.ts';
import type { FunctionUrl } from './function-urls.ts';
import { checkPayloadSize, type InvocationResult } from './invocation.ts';
import type { Lambda } from './lambda.ts';
import type { Mapping } from './mapping.ts';
import { functionNameOf, invalid, type MappingConfiguration } from './mapping-configuration.ts';

type Input = Readonly<Record<string, unknown>>;
type Route = (lambda: Lambda, parameter: string, request: ServiceRequest) => unknown;

/** Method and path of each operation; `*` is its one path parameter. The dates are the API's versions. */
const ROUTES: Readonly<Record<string, Route>> = {
  'POST /2015-03-31/functions/*/invocations': invoke,
  'GET /2015-03-31/functions': (lambda) => ({ Functions: [...lambda.functions.values()].map(described) }),
  'GET /2015-03-31/functions/*': getFunction,
  'GET /2015-03-31/functions/*/configuration': (lambda, name) => described(lambda.function(name)),
  'PUT /2015-03-31/functions/*/configuration': updateFunctionConfiguration,
  'PUT /2017-10-31/functions/*/concurrency': putConcurrency,
  'DELETE /2017-10-31/functions/*/concurrency': deleteConcurrency,
  'GET /2019-09-30/functions/*/concurrency': (lambda, name) =>
    concurrencyOf(lambda, lambda.function(name).name) ?? {},
  'GET /2024-08-31/functions/*/recursion-config': (lambda, name) => recursionOf(lambda.function(name)),
  'PUT /2024-08-31/functions/*/recursion-config': putRecursion,
  'GET /2021-10-31/functions/*/url': (lambda, name) =>
    describedUrl(lambda, lambda.open.get(lambda.function(name).name)),
  'GET /2021-10-31/functions/*/urls': (lambda, name) => ({
    FunctionUrlConfigs: [lambda.open.of(lambda.function(name).name) ?? []]
      .flat()
      .map((url) => describedUrl(lambda, url)),
  }),
  'GET /2015-03-31/event-source-mappings': listMappings,
  'GET /2015-03-31/event-source-mappings/*': (lambda, uuid) => describedMapping(lambda, lambda.mapping(uuid)),
  'PUT /2015-03-31/event-source-mappings/*': updateMapping,
};

/** The part of Lambda's REST API that concerns functions and mappings that are there: they are made by the template. */
export async function handleRequest(lambda: Lambda, request: ServiceRequest): Promise<ServiceResponse> {
  try {
    const { route, parameter } = routeOf(request);
    const answer = await route(lambda, parameter, request);
    return isResponse(answer) ? answer : json(200, answer);
  } catch (error) {
    const aws = asAwsError(error);
    const body = { ...aws.details, Message: aws.message, message: aws.message };
    return { ...json(aws.status, body), headers: { ...JSON_HEADERS, 'x-amzn-errortype': aws.code } };
  }
}

const JSON_HEADERS = { 'content-type': 'application/json' };

function json(status: number, body: unknown): ServiceResponse {
  return { status, headers: JSON_HEADERS, body: JSON.stringify(body) };
}

function isResponse(answer: unknown): answer is ServiceResponse {
  return typeof answer === 'object' && answer !== null && 'status' in answer && 'headers' in answer;
}

function routeOf({ method, path }: ServiceRequest): { route: Route; parameter: string } {
  const [, version = '', kind = '', parameter = '', ...rest] = path.replace(/\/+$/, '').split('/');
  const name = [method, ['', version, kind, ...(parameter ? ['*'] : []), ...rest].join('/')].join(' ');
  const route = Object.hasOwn(ROUTES, name) ? ROUTES[name] : undefined;
  if (!route)
    throw new AwsError(
      'UnknownOperationException',
      `The local cloud does not know the operation "${method} ${path}" of Lambda`,
      404,
    );
  return { route, parameter: decodeURIComponent(parameter) };
}

async function invoke(lambda: Lambda, name: string, request: ServiceRequest): Promise<ServiceResponse> {
  const type = request.headers['x-amz-invocation-type'] ?? 'RequestResponse';
  const payload = checkedPayload(request.body, type);
  const clientContext = request.headers['x-amz-client-context'];
  const traceHeader = request.headers['x-amzn-trace-id'];
  switch (type) {
    case 'RequestResponse': {
      const result = await lambda.invoke(name, payload, {
        clientContext: clientContext && Buffer.from(clientContext, 'base64').toString('utf8'),
        callerKeyId: callerKeyId(request),
        traceHeader,
      });
      return invocationResponse(result, request.headers['x-amz-log-type'] === 'Tail');
    }
    case 'Event':
      return {
        ...json(202, {}),
        body: '',
        headers: { 'x-amzn-requestid': lambda.invokeLater(name, payload, traceHeader) },
      };
    case 'DryRun':
      lambda.function(name);
      return { status: 204, headers: {}, body: '' };
    default:
      throw invalid(`InvocationType ${type} is unknown`);
  }
}

function invocationResponse(result: InvocationResult, wantsTail: boolean): ServiceResponse {
  return {
    status: 200,
    headers: {
      ...JSON_HEADERS,
      'x-amzn-requestid': result.requestId,
      'x-amz-executed-version': '$LATEST',
      ...(result.functionError && { 'x-amz-function-error': result.functionError }),
      ...(wantsTail && { 'x-amz-log-result': Buffer.from(result.logTail).toString('base64') }),
    },
    body: result.payload,
  };
}

function checkedPayload(body: Buffer, type: string): string {
  checkPayloadSize(body.length, type);
  const payload = body.length === 0 ? '{}' : body.toString('utf8');
  try {
    JSON.parse(payload);
  } catch (error) {
    throw new AwsError(
      'InvalidRequestContentException',
      `Could not parse request body into json: ${(error as Error).message}`,
      400,
      { Type: 'User' },
    );
  }
  return payload;
}

export function callerKeyId(request: Pick<ServiceRequest, 'headers'>): string | undefined {
  return /Credential=([^/]+)\//.exec(request.headers.authorization ?? '')?.[1];
}

function getFunction(lambda: Lambda, name: string): object {
  const configuration = lambda.function(name);
  return {
    Configuration: described(configuration),
    Code: { RepositoryType: 'S3', Location: configuration.codeDirectory },
    Concurrency: concurrencyOf(lambda, configuration.name),
  };
}

function updateFunctionConfiguration(lambda: Lambda, name: string, request: ServiceRequest): object {
  const input = known(request, ['Description', 'Environment', 'MemorySize', 'Timeout']);
  const old = lambda.function(name);
  const variables = (input.Environment as { Variables?: Record<string, string> } | undefined)?.Variables;
  const updated: FunctionConfiguration = {
    ...old,
    description: (input.Description as string | undefined) ?? old.description,
    environment: variables ?? old.environment,
    memoryMb: (input.MemorySize as number | undefined) ?? old.memoryMb,
    timeoutSeconds: (input.Timeout as number | undefined) ?? old.timeoutSeconds,
  };
  lambda.updateFunction(updated);
  return described(updated);
}

function putConcurrency(lambda: Lambda, name: string, request: ServiceRequest): object | undefined {
  const { ReservedConcurrentExecutions: reserved } = known(request, ['ReservedConcurrentExecutions']);
  if (!Number.isInteger(reserved) || Number(reserved) < 0)
    throw invalid(`ReservedConcurrentExecutions ${String(reserved)} is no whole number of 0 or more.`);
  const configuration = lambda.function(name);
  lambda.reserveConcurrency(configuration.name, Number(reserved));
  return concurrencyOf(lambda, configuration.name);
}

function deleteConcurrency(lambda: Lambda, name: string): ServiceResponse {
  lambda.reserveConcurrency(lambda.function(name).name, undefined);
  return { status: 204, headers: {}, body: '' };
}

function concurrencyOf(lambda: Lambda, name: string): object | undefined {
  const reserved = lambda.reservedConcurrency(name);
  return reserved === undefined ? undefined : { ReservedConcurrentExecutions: reserved };
}

function putRecursion(lambda: Lambda, name: string, request: ServiceRequest): object {
  const { RecursiveLoop } = known(request, ['RecursiveLoop']);
  const updated = { ...lambda.function(name), recursiveLoop: recursiveLoop(RecursiveLoop) };
  lambda.updateFunction(updated);
  return recursionOf(updated);
}

function recursionOf(configuration: FunctionConfiguration): object {
  return { RecursiveLoop: configuration.recursiveLoop };
}

function listMappings(lambda: Lambda, _: string, { query }: ServiceRequest): object {
  const functionName = query.get('FunctionName');
  const queueArn = query.get('EventSourceArn');
  const chosen = [...lambda.mappings.values()].filter(
    ({ configuration }) =>
      (functionName === null || configuration.functionName === functionNameOf(functionName)) &&
      (queueArn === null || configuration.queueArn === queueArn),
  );
  return { EventSourceMappings: chosen.map((mapping) => describedMapping(lambda, mapping)) };
}

function updateMapping(lambda: Lambda, uuid: string, request: ServiceRequest): object {
  const input = known(request, [
    'BatchSize',
    'Enabled',
    'FunctionName',
    'FunctionResponseTypes',
    'MaximumBatchingWindowInSeconds',
    'ScalingConfig',
  ]);
  const mapping = lambda.mapping(uuid);
  const scaling = input.ScalingConfig as { MaximumConcurrency?: number } | undefined;
  const types = input.FunctionResponseTypes as readonly string[] | undefined;
  const changes: Partial<MappingConfiguration> = {
    ...(input.BatchSize !== undefined && { batchSize: Number(input.BatchSize) }),
    ...(input.Enabled !== undefined && { enabled: input.Enabled === true }),
    ...(input.FunctionName !== undefined && {
      functionName: lambda.function(String(input.FunctionName)).name,
    }),
    ...(types && { reportsItemFailures: types.includes('ReportBatchItemFailures') }),
    ...(input.MaximumBatchingWindowInSeconds !== undefined && {
      windowSeconds: Number(input.MaximumBatchingWindowInSeconds),
    }),
    // An empty ScalingConfig takes the bound away.
    ...(scaling && { maximumConcurrency: scaling.MaximumConcurrency }),
  };
  lambda.updateMapping(mapping, changes);
  return json(202, describedMapping(lambda, mapping));
}

/** @throws AwsError `InvalidParameterValueException` for a parameter that the local cloud does not act on */
function known(request: ServiceRequest, names: readonly string[]): Input {
  const input = parseJson(request.body) as Input;
  for (const name of Object.keys(input))
    if (!names.includes(name)) throw invalid(`The local cloud does not know the parameter "${name}" here.`);
  return input;
}

function described(configuration: FunctionConfiguration): object {
  const { logging } = configuration;
  return {
    FunctionName: configuration.name,
    FunctionArn: configuration.arn,
    Runtime: configuration.runtime,
    Role: configuration.roleArn,
    Handler: configuration.handler,
    Description: configuration.description,
    Timeout: configuration.timeoutSeconds,
    MemorySize: configuration.memoryMb,
    CodeSha256: configuration.codeSha256,
    Version: '$LATEST',
    Environment: { Variables: configuration.environment },
    TracingConfig: { Mode: 'PassThrough' },
    State: 'Active',
    LastUpdateStatus: 'Successful',
    PackageType: 'Zip',
    Architectures: [configuration.architecture],
    LoggingConfig: {
      LogFormat: logging.format,
      LogGroup: logging.group,
      ...(logging.format === 'JSON' && {
        ApplicationLogLevel: logging.applicationLevel,
        SystemLogLevel: logging.systemLevel,
      }),
    },
  };
}

function describedUrl(lambda: Lambda, url: FunctionUrl): object {
  const createdAt = new Date(url.createdMs).toISOString();
  return {
    FunctionUrl: lambda.open.addressOf(url),
    FunctionArn: lambda.function(url.functionName).arn,
    AuthType: 'NONE',
    InvokeMode: 'BUFFERED',
    CreationTime: createdAt,
    LastModifiedTime: createdAt,
  };
}

function describedMapping(lambda: Lambda, mapping: Mapping): object {
  const { configuration } = mapping;
  const { region, accountId } = lambda.context;
  return {
    UUID: configuration.uuid,
    EventSourceMappingArn: `arn:aws:lambda:${region}:${accountId}:event-source-mapping:${configuration.uuid}`,
    EventSourceArn: configuration.queueArn,
    FunctionArn: lambda.function(configuration.functionName).arn,
    BatchSize: configuration.batchSize,
    MaximumBatchingWindowInSeconds: configuration.windowSeconds,
    FunctionResponseTypes: configuration.reportsItemFailures ? ['ReportBatchItemFailures'] : [],
    ...(configuration.maximumConcurrency !== undefined && {
      ScalingConfig: { MaximumConcurrency: configuration.maximumConcurrency },
    }),
    State: mapping.state,
    StateTransitionReason: 'USER_INITIATED',
    LastModified: mapping.lastModifiedMs / 1000,
    LastProcessingResult: mapping.lastResult,
  };
}
