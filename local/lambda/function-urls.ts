import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { allows } from '../iam/policy.ts';
import { AwsError, LocalCloudError } from '../kernel/errors.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { Properties, ResourceIdentity } from '../kernel/resources.ts';
import type { OpenEndpoint, ServiceResponse } from '../kernel/service.ts';
import type { FunctionConfiguration } from './function-configuration.ts';
import { PAYLOAD_LIMIT_BYTES } from './invocation.ts';
import type { LambdaMetric } from './invoker.ts';
import type { Lambda } from './lambda.ts';
import { URL_AUTH_TYPE, VIA_URL } from './permissions.ts';
import { urlEvent } from './url-event.ts';
import { BAD_GATEWAY, urlResponse } from './url-response.ts';

export const URL_TYPE = 'AWS::Lambda::Url';

/** “Your function's maximum request rate per second (RPS) is equivalent to 10 times the configured reserved concurrency.” */
const REQUESTS_PER_SECOND_A_RESERVED = 10;

/** A function's own address. */
export interface FunctionUrl {
  readonly id: string;
  readonly functionName: string;
  readonly createdMs: number;
}

/**
 * The function URLs of the template, on the common port. They are open to everybody, as AuthType NONE makes them.
 * https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
 */
export class FunctionUrls implements OpenEndpoint {
  readonly prefix = '/lambda-url/';
  readonly #lambda: Lambda;
  readonly #onMetric: ((metric: LambdaMetric) => void) | undefined;
  /** By the function's name: each has one at most. */
  readonly #urls = new Map<string, FunctionUrl>();
  /** When the requests of the last second came, by the function's name. */
  readonly #recent = new Map<string, number[]>();

  constructor(lambda: Lambda, onMetric: ((metric: LambdaMetric) => void) | undefined) {
    this.#lambda = lambda;
    this.#onMetric = onMetric;
  }

  /** @throws LocalCloudError `UNKNOWN_PROPERTY`, `UNSUPPORTED_FUNCTION` */
  deploy(properties: Properties, identity: ResourceIdentity): FunctionUrl {
    checkProperties(URL_TYPE, properties, identity, ['AuthType', 'InvokeMode', 'TargetFunctionArn']);
    const { AuthType, InvokeMode = 'BUFFERED' } = properties;
    if (AuthType !== 'NONE' || InvokeMode !== 'BUFFERED')
      throw new LocalCloudError(
        'UNSUPPORTED_FUNCTION',
        `${identity.stackName}/${identity.logicalId} (${URL_TYPE}) has the AuthType ${String(AuthType)} and the InvokeMode ${String(InvokeMode)}. The local cloud knows NONE and BUFFERED.`,
      );
    const { name, arn } = this.#lambda.function(String(properties.TargetFunctionArn));
    const id = createHash('sha256').update(arn).digest('hex').slice(0, 32);
    const url = { id, functionName: name, createdMs: this.#lambda.context.clock.now() };
    this.#urls.set(name, url);
    return url;
  }

  /** @throws AwsError `ResourceNotFoundException` */
  get(functionName: string): FunctionUrl {
    const url = this.#urls.get(functionName);
    if (url) return url;
    throw new AwsError('ResourceNotFoundException', 'The resource you requested does not exist.', 404, {
      Type: 'User',
    });
  }

  of(functionName: string): FunctionUrl | undefined {
    return this.#urls.get(functionName);
  }

  addressOf({ id }: FunctionUrl): string {
    return `${this.#lambda.context.endpoint()}${this.prefix}${id}/`;
  }

  /** From its arrival to its answer it counts as a running invocation: time does not run ahead of it. */
  async handle(request: IncomingMessage, body: Buffer): Promise<ServiceResponse> {
    const [, id = '', target = ''] =
      /^([^/?]*)(.*)$/s.exec((request.url ?? '').slice(this.prefix.length)) ?? [];
    const url = [...this.#urls.values()].find((candidate) => candidate.id === id);
    if (!url) return forbidden();
    const { clock } = this.#lambda.context;
    const startedMs = clock.now();
    const release = clock.hold();
    try {
      const answer = await this.#answer(url, request, body, target);
      this.#measure(url, answer.status, clock.now() - startedMs);
      return answer;
    } finally {
      release();
    }
  }

  async #answer(
    url: FunctionUrl,
    request: IncomingMessage,
    body: Buffer,
    target: string,
  ): Promise<ServiceResponse> {
    const { clock, region } = this.#lambda.context;
    const configuration = this.#lambda.function(url.functionName);
    if (!this.#isPublic(configuration)) return forbidden();
    if (this.#isTooFast(url.functionName)) return throttled();
    const requestId = randomUUID();
    const domainName = `${url.id}.lambda-url.${region}.on.aws`;
    const call = { urlId: url.id, domainName, target, requestId, atMs: clock.now() };
    const event = JSON.stringify(urlEvent(request, body, call));
    if (Buffer.byteLength(event) > PAYLOAD_LIMIT_BYTES) return tooLarge();
    try {
      const result = await this.#lambda.invoke(configuration.name, event, { requestId, viaUrl: true });
      const answer = result.functionError ? BAD_GATEWAY : urlResponse(result.payload);
      return { ...answer, headers: { ...answer.headers, 'x-amzn-requestid': requestId } };
    } catch (error) {
      if (error instanceof AwsError && error.code === 'TooManyRequestsException') return throttled();
      throw error;
    }
  }

  /** “Starting in October 2025, new function URLs will require both” permissions. https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html */
  #isPublic({ name, arn }: FunctionConfiguration): boolean {
    const statements = this.#lambda.permissionsOf(name);
    const context = { [URL_AUTH_TYPE]: 'NONE', [VIA_URL]: 'true' };
    return ['lambda:InvokeFunctionUrl', 'lambda:InvokeFunction'].every((action) =>
      allows(statements, { action, resource: arn, anonymous: true, context }),
    );
  }

  #isTooFast(functionName: string): boolean {
    const reserved = this.#lambda.reservedConcurrency(functionName);
    if (reserved === undefined) return false;
    const nowMs = this.#lambda.context.clock.now();
    const recent = (this.#recent.get(functionName) ?? []).filter((ms) => ms > nowMs - 1000);
    const tooFast = recent.length >= REQUESTS_PER_SECOND_A_RESERVED * reserved;
    this.#recent.set(functionName, tooFast ? recent : [...recent, nowMs]);
    return tooFast;
  }

  /** https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html */
  #measure({ functionName }: FunctionUrl, status: number, latencyMs: number): void {
    const record = (metricName: string, value: number, unit: string) =>
      this.#onMetric?.({
        namespace: 'AWS/Lambda',
        metricName,
        dimensions: { FunctionName: functionName },
        value,
        unit,
        atMs: this.#lambda.context.clock.now(),
      });
    record('UrlRequestCount', 1, 'Count');
    record('Url4xxCount', status >= 400 && status < 500 ? 1 : 0, 'Count');
    record('Url5xxCount', status >= 500 ? 1 : 0, 'Count');
    record('UrlRequestLatency', latencyMs, 'Milliseconds');
  }
}

function forbidden(): ServiceResponse {
  return refusal(403, 'AccessDeniedException', { Message: 'Forbidden' });
}

/** “Whenever your function concurrency exceeds the reserved concurrency, your function URL returns an HTTP 429 status code.” */
function throttled(): ServiceResponse {
  return refusal(429, 'TooManyRequestsException', {
    Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
    Type: 'User',
    message: 'Rate Exceeded.',
  });
}

function tooLarge(): ServiceResponse {
  return refusal(413, 'RequestTooLargeException', {
    Type: 'User',
    message: `Request must be smaller than ${PAYLOAD_LIMIT_BYTES} bytes for the InvokeFunction operation`,
  });
}

function refusal(status: number, code: string, body: object): ServiceResponse {
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': code },
    body: JSON.stringify(body),
  };
}
