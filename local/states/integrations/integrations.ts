import type { Iam } from '../../iam/index.ts';
import type { Service } from '../../kernel/service.ts';
import type { Lambda } from '../../lambda/index.ts';
import { awsSdkIntegration, optimizedIntegration } from './aws-services.ts';
import { functionIntegration, invokeIntegration } from './lambda.ts';

/** What a task calls, and by whose right. */
export interface TaskCall {
  readonly parameters: unknown;
  readonly roleArn: string;
  readonly machineArn: string;
}

export interface Integration {
  /** As the history names it; absent for a function that is called by its own ARN. */
  readonly service?: { readonly resourceType: string; readonly resource: string };
  /** @throws StateError */
  call(call: TaskCall): Promise<unknown>;
}

/** Asked before each invocation; may throw an AwsError in Lambda's place (`ServiceException`). */
export type Intercept = (functionArn: string, payload: string) => void;

export interface IntegrationParts {
  readonly iam: Pick<Iam, 'allows' | 'mayAssume'>;
  readonly lambda: Pick<Lambda, 'invoke' | 'invokeLater' | 'function'>;
  /** The other services of the cloud, by signing name. */
  readonly services: () => readonly Service[];
  /** For tests. */
  readonly intercept?: () => Intercept | undefined;
}

const TOKEN = '.waitForTaskToken';

/** What Task states can call. */
export class Integrations {
  readonly #parts: IntegrationParts;
  readonly #found = new Map<string, Integration | undefined>();

  constructor(parts: IntegrationParts) {
    this.#parts = parts;
  }

  find(resource: string): Integration | undefined {
    if (!this.#found.has(resource)) this.#found.set(resource, this.#make(resource));
    return this.#found.get(resource);
  }

  #make(resource: string): Integration | undefined {
    if (/^arn:aws:lambda:[^:]+:\d{12}:function:[^:]+(:[^:]+)?$/.test(resource))
      return functionIntegration(resource, this.#parts);
    const plain = resource.endsWith(TOKEN) ? resource.slice(0, -TOKEN.length) : resource;
    const [, sdk, service = '', action = ''] =
      /^arn:aws:states:::(aws-sdk:)?([a-z]+):([a-z][A-Za-z]*)$/.exec(plain) ?? [];
    const named = (resourceType: string) => ({
      resourceType,
      resource: resource.slice(resource.lastIndexOf(':') + 1),
    });
    if (plain === 'arn:aws:states:::lambda:invoke')
      return { service: named('lambda'), call: invokeIntegration(this.#parts) };
    const waits = plain !== resource;
    const call = sdk
      ? awsSdkIntegration(service, action, this.#parts)
      : optimizedIntegration(service, action, waits, this.#parts);
    return call && { service: named(sdk ? `aws-sdk:${service}` : service), call };
  }
}
