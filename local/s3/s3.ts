import { AwsError } from '../kernel/errors.ts';
import { asAwsError } from '../kernel/json-protocol.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { xmlDocument } from '../kernel/xml.ts';
import { decodeBody } from './aws-chunked.ts';
import { openBlobs } from './blobs.ts';
import { bucketOperations } from './bucket-operations.ts';
import { type Bucket, Buckets } from './buckets.ts';
import { addressOf, type S3Call } from './call.ts';
import { Ids } from './ids.ts';
import { Lifecycle } from './lifecycle.ts';
import { LIST_PARAMETERS, listObjects } from './listing.ts';
import { multipartOperations } from './multipart-operations.ts';
import { checkAmzHeaders } from './object-headers.ts';
import { objectOperations, RESPONSE_OVERRIDES } from './object-operations.ts';
import { Objects } from './objects.ts';
import { s3Providers } from './providers.ts';
import { findRoute, type Route } from './routes.ts';
import { Uploads } from './uploads.ts';

/**
 * Amazon S3: buckets and objects, versions, multipart uploads and conditional writes. The bytes lie as files in the store's
 * folder. Bucket policies, ACLs and encryption change nothing here.
 */
export class S3 implements Service {
  readonly signingName = 's3';
  readonly #context: CloudContext;
  readonly #buckets: Buckets;
  readonly #lifecycle: Lifecycle;
  readonly #routes: readonly Route[];

  constructor(context: CloudContext) {
    this.#context = context;
    const blobs = openBlobs(context.store.directory);
    const ids = new Ids(context.store);
    const objects = new Objects(context, blobs, ids);
    const uploads = new Uploads(context, blobs, ids);
    const known = new Set([...objects.blobIds(), ...uploads.blobIds()]);
    blobs.sweep((id) => known.has(id));
    this.#buckets = new Buckets(context);
    this.#lifecycle = new Lifecycle(objects, uploads);
    this.#routes = routesOf(context, this.#buckets, objects, uploads, (name) => this.#bucketOf(name));
  }

  async handle(request: ServiceRequest): Promise<ServiceResponse> {
    try {
      const call = this.#read(request);
      return findRoute(this.#routes, call, request.method).operation(call);
    } catch (error) {
      return errorAnswer(asAwsError(error), request);
    }
  }

  providers(): ResourceProvider[] {
    return s3Providers(this.#context, this.#buckets);
  }

  #read(request: ServiceRequest): S3Call {
    const { body, headers } = decodeBody(request.body, request.headers);
    checkAmzHeaders(headers);
    const owner = headers['x-amz-expected-bucket-owner'];
    if (owner !== undefined && owner !== this.#context.accountId)
      throw new AwsError('AccessDenied', 'Access Denied: the bucket is of another account.', 403);
    return { ...addressOf(request), query: request.query, headers, body };
  }

  refusal(error: AwsError, request: ServiceRequest): ServiceResponse {
    return errorAnswer(error, request);
  }

  #bucketOf(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    this.#lifecycle.apply(bucket, this.#context.clock.now());
    return bucket;
  }
}

function routesOf(
  context: CloudContext,
  buckets: Buckets,
  objects: Objects,
  uploads: Uploads,
  bucketOf: (name: string) => Bucket,
): readonly Route[] {
  const parts = { objects, bucketOf };
  const bucket = bucketOperations(parts, buckets, uploads, context);
  const object = objectOperations(parts);
  const multipart = multipartOperations(parts, uploads, context);
  return [
    { method: 'GET', level: 'service', operation: bucket.list },
    { method: 'PUT', level: 'bucket', operation: bucket.create },
    { method: 'HEAD', level: 'bucket', operation: bucket.head },
    { method: 'DELETE', level: 'bucket', operation: bucket.delete },
    { method: 'GET', level: 'bucket', needs: ['location'], operation: bucket.location },
    { method: 'GET', level: 'bucket', needs: ['versioning'], operation: bucket.versioning },
    {
      method: 'GET',
      level: 'bucket',
      needs: ['uploads'],
      parameters: ['prefix', 'encoding-type'],
      operation: multipart.listUploads,
    },
    {
      method: 'GET',
      level: 'bucket',
      needs: ['list-type'],
      parameters: LIST_PARAMETERS,
      operation: (call) => listObjects(parts, call),
    },
    { method: 'POST', level: 'bucket', needs: ['delete'], operation: object.deleteMany },
    { method: 'POST', level: 'object', needs: ['uploads'], operation: multipart.create },
    { method: 'POST', level: 'object', needs: ['uploadId'], operation: multipart.complete },
    {
      method: 'PUT',
      level: 'object',
      needs: ['uploadId', 'x-amz-copy-source'],
      parameters: ['partNumber'],
      operation: multipart.copyPart,
    },
    {
      method: 'PUT',
      level: 'object',
      needs: ['uploadId'],
      parameters: ['partNumber'],
      operation: multipart.uploadPart,
    },
    { method: 'DELETE', level: 'object', needs: ['uploadId'], operation: multipart.abort },
    { method: 'GET', level: 'object', needs: ['uploadId'], operation: multipart.listParts },
    { method: 'PUT', level: 'object', needs: ['x-amz-copy-source'], operation: object.copy },
    { method: 'PUT', level: 'object', operation: object.put },
    {
      method: 'GET',
      level: 'object',
      parameters: ['versionId', ...RESPONSE_OVERRIDES],
      operation: object.get,
    },
    {
      method: 'HEAD',
      level: 'object',
      parameters: ['versionId', ...RESPONSE_OVERRIDES],
      operation: object.head,
    },
    { method: 'DELETE', level: 'object', parameters: ['versionId'], operation: object.delete },
  ];
}

function errorAnswer(error: AwsError, { method, path }: ServiceRequest): ServiceResponse {
  const { status, code, message, details } = error;
  const headers = { 'content-type': 'application/xml' };
  if (method === 'HEAD') return { status, headers, body: '' };
  const fields = { Code: code, Message: message, ...stringFields(details), Resource: path };
  return { status, headers, body: xmlDocument('Error', '', fields) };
}

function stringFields(details: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(details).map(([name, value]) => [name, String(value)]));
}
