import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { whyForeign } from './callers.ts';
import type { Clock } from './clock.ts';
import { LocalCloudError } from './errors.ts';
import { asAwsError } from './json-protocol.ts';
import type { OpenEndpoint, Service, ServiceResponse } from './service.ts';

/** Larger than any request that AWS takes by one call here (S3 single PUT apart). */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

/**
 * One loopback port for all services. A request names its service in the credential scope of its signature, as every SDK
 * and the AWS CLI send it; signatures themselves are not checked, so that only programs of this machine may ask. A service's open endpoint
 * is found by its path.
 */
export class CloudServer {
  readonly #server: Server;
  readonly #services: ReadonlyMap<string, Service>;
  readonly #open: readonly OpenEndpoint[];
  readonly #clock: Clock;

  constructor(services: readonly Service[], clock: Clock) {
    this.#services = new Map(services.map((service) => [service.signingName, service]));
    this.#open = services.flatMap(({ open }) => open ?? []);
    this.#clock = clock;
    this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
      void this.#serve(request, response);
    });
  }

  /** @throws LocalCloudError `PORT_IN_USE` */
  async listen(port: number): Promise<number> {
    await new Promise<void>((ready, fail) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) =>
        fail(
          error.code === 'EADDRINUSE'
            ? new LocalCloudError(
                'PORT_IN_USE',
                `Port ${port} on 127.0.0.1 is in use. Stop what listens there, or name another with --port.`,
              )
            : error,
        ),
      );
      this.#server.listen(port, '127.0.0.1', ready);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((done) => this.#server.close(() => done()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #signed(request: IncomingMessage, body: Buffer, signal: AbortSignal): Promise<ServiceResponse> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const headers = request.headers as Record<string, string | undefined>;
    const name = serviceName(headers, url.searchParams);
    const { method = 'GET' } = request;
    const foreign = whyForeign(request.headers, name === 's3' && method === 'GET');
    if (foreign !== undefined) return forbidden(foreign);
    const service = this.#services.get(name ?? '');
    if (!service) return unknownService(name);
    return service.handle({ method, path: url.pathname, query: url.searchParams, headers, body, signal });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    // Also closed when all is well; an abort makes an error with a stack, which is not for every request.
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    const answer = await this.#answerTo(request, gone.signal);
    if (gone.signal.aborted) return;
    if (answer.cut === 'unanswered') {
      request.socket.destroy();
      return;
    }
    // Node's own Date header would tell the machine's time, and SDKs correct their clocks by it.
    response.sendDate = false;
    try {
      this.#begin(response, answer);
    } catch (error) {
      const failure = failed(error);
      this.#begin(response, failure);
      response.end(failure.body);
      return;
    }
    if (answer.cut === 'midway') {
      const whole = Buffer.from(answer.body);
      response.write(whole.subarray(0, whole.length / 2), () => request.socket.destroy());
    } else response.end(answer.body);
  }

  async #answerTo(request: IncomingMessage, signal: AbortSignal): Promise<ServiceResponse> {
    try {
      const body = await readBody(request);
      // Not asked where they come from: a function URL is for anybody, pages of others and tunnels included.
      const open = this.#open.find(({ prefix }) => request.url?.startsWith(prefix));
      return await (open ? open.handle(request, body) : this.#signed(request, body, signal));
    } catch (error) {
      return failed(error);
    }
  }

  /** @throws TypeError for a header that HTTP cannot carry; nothing is sent then */
  #begin(response: ServerResponse, { status, headers, body }: ServiceResponse): void {
    // The length last: Node takes a Content-Disposition after it for no Latin-1.
    const { 'content-length': length = Buffer.byteLength(body), ...others } = headers;
    const sent: OutgoingHttpHeaders = {
      date: new Date(this.#clock.now()).toUTCString(),
      'x-amzn-requestid': crypto.randomUUID(),
      ...(others as OutgoingHttpHeaders),
      'content-length': String(length),
    };
    response.writeHead(status, sent);
  }
}

/**
 * `…Credential=AKID/20260101/us-east-1/sqs/aws4_request…`, in the header or, presigned, in the query. A query counts with a signature only,
 * as in a link that somebody made to be followed.
 */
function serviceName(
  headers: Record<string, string | undefined>,
  query: URLSearchParams,
): string | undefined {
  const presigned = query.has('X-Amz-Signature') ? query.get('X-Amz-Credential') : undefined;
  const credential = /Credential=([^,\s]+)/.exec(headers.authorization ?? '')?.[1] ?? presigned;
  // `aws s3 presign` of the first AWS CLI still signs by version 2, which only S3 knows and which names no service.
  return (
    credential?.split('/')[3] ?? (query.has('AWSAccessKeyId') && query.has('Signature') ? 's3' : undefined)
  );
}

function unknownService(asked: string | undefined): ServiceResponse {
  return {
    status: 501,
    headers: { 'content-type': 'text/plain' },
    body: asked
      ? `The local cloud has no service "${asked}".\n`
      : 'This is the honest-jobs local cloud. Requests are routed by their signature: use an AWS SDK or the AWS CLI with any credentials.\n',
  };
}

/** As JSON, which most SDKs show the message of. */
function forbidden(why: string): ServiceResponse {
  const message = `The local cloud serves programs of this machine, and no web pages. ${why}.`;
  return {
    status: 403,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': 'AccessDeniedException' },
    body: JSON.stringify({ __type: 'AccessDeniedException', message }),
  };
}

function failed(error: unknown): ServiceResponse {
  const { status, message } = asAwsError(error);
  return { status, headers: { 'content-type': 'text/plain' }, body: message };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES) throw new Error(`request body over ${BODY_LIMIT_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
