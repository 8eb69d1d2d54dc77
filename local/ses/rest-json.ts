import { AwsError } from '../kernel/errors.ts';
import { asAwsError, parseJson } from '../kernel/json-protocol.ts';
import type { ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { type Input, record } from './input.ts';

export interface Call {
  /** The path's parameter, decoded; empty for a path without one. */
  readonly parameter: string;
  readonly input: Input;
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
}

/** By method and path; `*` is the path's one parameter. */
export type Routes = Readonly<Record<string, (call: Call) => unknown>>;

/** AWS's REST JSON: the operation is method and path, an error's code is in a header. */
export async function handleRestJson(request: ServiceRequest, routes: Routes): Promise<ServiceResponse> {
  try {
    const { operation, parameter } = routed(request, routes);
    const input = record(parseJson(request.body), 'The body');
    const output = await operation({ parameter, input, query: request.query, signal: request.signal });
    return answer(200, {}, output ?? {});
  } catch (error) {
    const aws = asAwsError(error);
    return answer(aws.status, { 'x-amzn-errortype': aws.code }, { message: aws.message, ...aws.details });
  }
}

function answer(status: number, headers: Record<string, string>, body: unknown): ServiceResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

function routed({ method, path }: ServiceRequest, routes: Routes) {
  const plain = path.replace(/\/+$/, '');
  const [parent, last] = [plain.slice(0, plain.lastIndexOf('/')), plain.slice(plain.lastIndexOf('/') + 1)];
  for (const [name, parameter] of [
    [`${method} ${plain}`, ''],
    [`${method} ${parent}/*`, last],
  ] as const) {
    const operation = Object.hasOwn(routes, name) ? routes[name] : undefined;
    if (operation) return { operation, parameter: decodeURIComponent(parameter) };
  }
  throw new AwsError(
    'UnknownOperationException',
    `The local cloud's SES does not know the operation "${method} ${path}"`,
    404,
  );
}
