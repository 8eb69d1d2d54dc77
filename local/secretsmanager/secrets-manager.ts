import { handleJson, type Operation } from '../kernel/json-protocol.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { secretOperations } from './operations.ts';
import { secretsManagerProviders } from './providers.ts';
import { Secrets } from './secrets.ts';

/** AWS Secrets Manager: the template's secrets, read and written. Nothing rotates, and nothing is encrypted. */
export class SecretsManager implements Service {
  readonly signingName = 'secretsmanager';
  readonly secrets: Secrets;
  readonly #context: CloudContext;
  readonly #operations: Readonly<Record<string, Operation>>;

  constructor(context: CloudContext) {
    this.#context = context;
    this.secrets = new Secrets(context);
    this.#operations = secretOperations(this.secrets);
  }

  handle(request: ServiceRequest): Promise<ServiceResponse> {
    return handleJson(request, { version: '1.1', operations: this.#operations });
  }

  providers(): ResourceProvider[] {
    return secretsManagerProviders(this.secrets, this.#context.random);
  }
}
