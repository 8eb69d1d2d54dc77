import type { ServiceResponse } from '../kernel/service.ts';
import type { Address, S3Call } from './call.ts';
import { notImplemented } from './errors.ts';

/** One operation of S3: what a request of this method, level and subresource is. */
export interface Route {
  readonly method: string;
  readonly level: 'service' | 'bucket' | 'object';
  /** Query parameters or headers that must be there. The first route that fits is taken. */
  readonly needs?: readonly string[];
  /** Query parameters that it honours beside those. */
  readonly parameters?: readonly string[];
  readonly operation: (call: S3Call) => ServiceResponse;
}

/** What SDKs add of their own: the operation's name, and a signature (of version 4, or the older one of `aws s3 presign`). */
const INERT_PARAMETERS = /^(x-id$|x-amz-|AWSAccessKeyId$|Signature$|Expires$)/i;
const LEVEL_NAMES = { service: 'the service', bucket: 'a bucket', object: 'an object' } as const;

/** @throws AwsError `NotImplemented`, naming the method and the parameter that no operation knows */
export function findRoute(routes: readonly Route[], call: S3Call, method: string): Route {
  const level = levelOf(call);
  const has = (name: string): boolean => call.query.has(name) || call.headers[name] !== undefined;
  const route = routes.find(
    (one) => one.method === method && one.level === level && (one.needs ?? []).every(has),
  );
  const known = new Set([...(route?.needs ?? []), ...(route?.parameters ?? [])]);
  const unknown = [...call.query.keys()].find((name) => !known.has(name) && !INERT_PARAMETERS.test(name));
  if (route && unknown === undefined) return route;
  throw notImplemented(
    `${method} of ${LEVEL_NAMES[level]}${unknown === undefined ? '' : ` with ?${unknown}`}`,
  );
}

function levelOf({ bucket, key }: Address): Route['level'] {
  if (bucket === '') return 'service';
  return key === '' ? 'bucket' : 'object';
}
