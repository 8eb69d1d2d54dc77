import { AwsError } from '../kernel/errors.ts';
import { asAwsError } from '../kernel/json-protocol.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { xmlDocument } from '../kernel/xml.ts';
import { Buckets } from './buckets.ts';
import { s3Providers } from './providers.ts';

/** Amazon S3: buckets and objects over REST XML, with path-style addresses. */
export class S3 implements Service {
  readonly signingName = 's3';
  readonly #context: CloudContext;
  readonly #buckets: Buckets;

  constructor(context: CloudContext) {
    this.#context = context;
    this.#buckets = new Buckets(context);
  }

  async handle({ method, path }: ServiceRequest): Promise<ServiceResponse> {
    const { code, message, status } = asAwsError(
      new AwsError('NotImplemented', `The local cloud's S3 does not know ${method} ${path}`, 501),
    );
    return {
      status,
      headers: { 'content-type': 'application/xml' },
      body: xmlDocument('Error', '', { Code: code, Message: message }),
    };
  }

  providers(): ResourceProvider[] {
    return s3Providers(this.#context, this.#buckets);
  }
}
