import { AwsError } from './errors.ts';
import { asAwsError, parseJson } from './json-protocol.ts';
import type { ServiceRequest, ServiceResponse } from './service.ts';

export interface RestCall {
  /** The path's parameter, decoded; empty for a path without one. */
  readonly parameter: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
}

/** By method and path; `*` is the path's one parameter. */
export type RestRoutes = Readonly<Record<string, (call: RestCall) => unknown>>;

/**
 * AWS's REST JSON: the operation is method and path, an error's code is in a header.
 *
 * @param service as messages name it
 */
export async function handleRestJson(
  request: ServiceRequest,
  service: string,
  routes: RestRoutes,
): Promise<ServiceResponse> {
  try {
    const { operation, parameter } = routed(request, service, routes);
    const input = inputOf(request);
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

function inputOf({ body }: ServiceRequest): Readonly<Record<string, unknown>> {
  const input = parseJson(body);
  if (typeof input === 'object' && input !== null && !Array.isArray(input))
    return input as Record<string, unknown>;
  throw new AwsError('SerializationException', 'The request body must be a JSON object');
}

function routed({ method, path }: ServiceRequest, service: string, routes: RestRoutes) {
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
    `The local cloud's ${service} does not know the operation "${method} ${path}"`,
    404,
  );
}
