import { AwsError } from '../../kernel/errors.ts';
import type { InvocationResult } from '../../lambda/invocation.ts';
import { runtimeError, StateError } from '../errors.ts';
import { isRecord } from '../values/scope.ts';
import type { Integration, IntegrationParts, TaskCall } from './integrations.ts';
import { checkRole } from './roles.ts';

/** A function called by its own ARN: the state's result is the function's. */
export function functionIntegration(functionArn: string, parts: IntegrationParts): Integration {
  return {
    async call(call) {
      const { payload } = await invoked(functionArn, JSON.stringify(call.parameters), call, parts);
      return JSON.parse(payload) as unknown;
    },
  };
}

/** https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html */
export function invokeIntegration(parts: IntegrationParts): (call: TaskCall) => Promise<unknown> {
  return async (call) => {
    const parameters = call.parameters;
    if (!isRecord(parameters) || typeof parameters.FunctionName !== 'string')
      throw runtimeError("The field 'FunctionName' is required but was missing");
    const { FunctionName, Payload = {}, InvocationType = 'RequestResponse', ...rest } = parameters;
    const unknown = Object.keys(rest).find(
      (name) => !['ClientContext', 'Qualifier', 'LogType'].includes(name),
    );
    if (unknown) throw runtimeError(`The field '${unknown}' is not supported by Step Functions`);
    if (InvocationType === 'Event') {
      const requestId = await asEvent(String(FunctionName), JSON.stringify(Payload), call, parts);
      return { Payload: '', StatusCode: 202, ...metadata(requestId, 202) };
    }
    const result = await invoked(String(FunctionName), JSON.stringify(Payload), call, parts);
    return {
      ExecutedVersion: '$LATEST',
      Payload: JSON.parse(result.payload) as unknown,
      StatusCode: 200,
      ...metadata(result.requestId, 200),
    };
  };
}

function metadata(RequestId: string, HttpStatusCode: number): object {
  return { SdkHttpMetadata: { HttpStatusCode }, SdkResponseMetadata: { RequestId } };
}

async function invoked(
  reference: string,
  payload: string,
  call: TaskCall,
  parts: IntegrationParts,
): Promise<InvocationResult> {
  const result = await calling(reference, call, parts, (functionArn) => {
    parts.intercept?.()?.(functionArn, payload);
    return parts.lambda.invoke(reference, payload);
  });
  if (result.functionError === undefined) return result;
  const reported = JSON.parse(result.payload) as { errorType?: string } | null;
  if (reported?.errorType) throw new StateError(reported.errorType, result.payload);
  throw new StateError(
    'Lambda.Unknown',
    `The cause could not be determined because Lambda did not return an error type. Returned payload: ${result.payload}`,
  );
}

function asEvent(
  reference: string,
  payload: string,
  call: TaskCall,
  parts: IntegrationParts,
): Promise<string> {
  return calling(reference, call, parts, async () => parts.lambda.invokeLater(reference, payload));
}

/** What Lambda itself refuses has the name that Step Functions gives to it: `Lambda.TooManyRequestsException`. */
async function calling<Result>(
  reference: string,
  { roleArn, machineArn }: TaskCall,
  parts: IntegrationParts,
  work: (functionArn: string) => Promise<Result>,
): Promise<Result> {
  try {
    const { arn } = parts.lambda.function(reference);
    checkRole(parts.iam, { roleArn, machineArn, action: 'lambda:InvokeFunction', resource: arn });
    return await work(arn);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    const name = error.code === 'AccessDeniedException' ? 'AWSLambdaException' : error.code;
    throw new StateError(
      `Lambda.${name}`,
      `${error.message} (Service: AWSLambda; Status Code: ${error.status}; Error Code: ${error.code})`,
    );
  }
}
