import { AwsError } from './kernel/errors.ts';
import type { Service, ServiceRequest, ServiceResponse } from './kernel/service.ts';
import { callerKeyId } from './lambda/api.ts';
import type { Environment, Lambda } from './lambda/index.ts';

/** A call that a function makes to the cloud, seen from the cloud's side. */
export interface ObservedCall {
  readonly functionName: string;
  /** One environment: the same for all calls of one thread. */
  readonly accessKeyId: string;
  /** The service's signing name: `sqs`, `dynamodb`, `ses`. */
  readonly service: string;
  /** `PutItem`; for REST services method and path (`POST /v2/email/outbound-emails`). */
  readonly operation: string;
  /** Counts the function's calls of this operation, from 1 on. */
  readonly nth: number;
  /** `before` it has any effect, or `after` its effect and before its answer. */
  readonly moment: 'before' | 'after';
  /** The request's JSON. */
  input(): unknown;
}

/** What befalls a call: its environment dies, or it is answered with an error (`after`: done, and its answer lost). */
export type Fault = 'kill' | AwsError;

/** A rule is asked at both moments of every call. */
export type FaultRule = (call: ObservedCall) => Fault | undefined;

export interface CallPoint {
  readonly functionName: string;
  readonly service: string;
  readonly operation: string;
  /** @default 1 */
  readonly nth?: number;
  /** @default before */
  readonly moment?: 'before' | 'after';
}

/**
 * Kills functions at a named point, and makes their calls fail. Functions know nothing of it: the cloud sees who calls by
 * the access key that each environment signs with.
 */
export class Faults {
  readonly #lambda: Lambda;
  readonly #rules = new Set<FaultRule>();
  readonly #calls = new Map<string, number>();

  constructor(lambda: Lambda) {
    this.#lambda = lambda;
  }

  /** @returns takes the rule away */
  add(rule: FaultRule): () => void {
    this.#rules.add(rule);
    return () => this.#rules.delete(rule);
  }

  /** Kills the environment of each call that the predicate holds for. @returns takes the rule away */
  killWhen(predicate: (call: ObservedCall) => boolean): () => void {
    return this.add((call) => (predicate(call) ? 'kill' : undefined));
  }

  /** Kills a function once, at its nth call of an operation. @returns takes the rule away */
  killAt({ functionName, service, operation, nth = 1, moment = 'before' }: CallPoint): () => void {
    return this.killWhen(
      (call) =>
        call.functionName === functionName &&
        call.service === service &&
        call.operation === operation &&
        call.nth === nth &&
        call.moment === moment,
    );
  }

  /** Kills every environment of a function that is running or idle now. */
  async kill(functionName: string): Promise<void> {
    await this.#lambda.killEnvironments(functionName);
  }

  /** The service, with its calls from functions under the rules. */
  observed(service: Service): Service {
    return {
      signingName: service.signingName,
      handle: (request) => this.#handle(service, request),
    };
  }

  async #handle(service: Service, request: ServiceRequest): Promise<ServiceResponse> {
    const keyId = this.#rules.size > 0 ? callerKeyId(request) : undefined;
    const environment = keyId === undefined ? undefined : this.#lambda.environment(keyId);
    if (!environment) return service.handle(request);
    const call = this.#describe(service, request, environment);
    const before = await this.#apply({ ...call, moment: 'before' }, environment);
    if (before) return before;
    const response = await service.handle(request);
    return (await this.#apply({ ...call, moment: 'after' }, environment)) ?? response;
  }

  #describe(
    service: Service,
    request: ServiceRequest,
    environment: Environment,
  ): Omit<ObservedCall, 'moment'> {
    const { name } = environment.configuration;
    const operation =
      request.headers['x-amz-target']?.split('.').pop() ?? `${request.method} ${request.path}`;
    const key = `${name} ${service.signingName} ${operation}`;
    const nth = (this.#calls.get(key) ?? 0) + 1;
    this.#calls.set(key, nth);
    return {
      functionName: name,
      accessKeyId: environment.accessKeyId,
      service: service.signingName,
      operation,
      nth,
      input: () => JSON.parse(request.body.toString('utf8') || '{}') as unknown,
    };
  }

  async #apply(call: ObservedCall, environment: Environment): Promise<ServiceResponse | undefined> {
    for (const rule of this.#rules) {
      const fault = rule(call);
      if (fault === undefined) continue;
      if (fault === 'kill') {
        await environment.kill();
        return refused(new AwsError('ServiceUnavailable', 'The caller was killed', 503));
      }
      return refused(fault);
    }
    return undefined;
  }
}

/** An error as both of AWS's JSON protocols tell it. */
function refused(error: AwsError): ServiceResponse {
  return {
    status: error.status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': error.code },
    body: JSON.stringify({ __type: error.code, message: error.message, ...error.details }),
  };
}
