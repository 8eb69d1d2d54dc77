import type { IncomingMessage } from 'node:http';
import type { Clock } from './clock.ts';
import type { AwsError } from './errors.ts';
import type { Store } from './store.ts';

/** What every service of the local cloud is given. */
export interface CloudContext {
  readonly clock: Clock;
  readonly store: Store;
  readonly region: string;
  readonly accountId: string;
  /** The address that outside clients use, such as `http://127.0.0.1:4566`. Known once the server listens. */
  endpoint(): string;
  /** A number in [0, 1); seeded where a run must repeat. */
  random(): number;
}

/** An HTTP request as a service sees it: the whole body is there. */
export interface ServiceRequest {
  readonly method: string;
  /** Decoded once by nobody: as it came on the wire, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  /** Aborted when the client goes away, so that a long poll hands no message to nobody. */
  readonly signal: AbortSignal;
}

export interface ServiceResponse {
  readonly status: number;
  /** One with several values is sent once for each of them. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Buffer;
  /** For the fault room: the connection ends in the middle of the body, or before anything is answered. */
  readonly cut?: 'midway' | 'unanswered';
}

/** What anybody may call on the common port without a signature. */
export interface OpenEndpoint {
  /** Of the paths that are its own, such as `/lambda-url/`. */
  readonly prefix: string;
  handle(request: IncomingMessage, body: Buffer): Promise<ServiceResponse>;
}

/** One AWS service behind the common port. */
export interface Service {
  /** As in the credential scope of a signed request: `sqs`, `dynamodb`, `lambda`, `ses`, `monitoring`, `sns`, `s3`, `logs`, `scheduler`, `states`, `events`, `secretsmanager`. */
  readonly signingName: string;
  readonly open?: OpenEndpoint;
  handle(request: ServiceRequest): Promise<ServiceResponse>;
  /** An error in the service's own protocol, for who answers in its place. @default AWS's JSON protocols' */
  refusal?(error: AwsError, request: ServiceRequest): ServiceResponse;
  /** Begins what a service does by itself (timers, pollers). Called once, after the template is deployed. */
  start?(): void;
  /** Ends it; resolves when nothing of the service runs any more. */
  stop?(): Promise<void>;
}
