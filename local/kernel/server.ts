import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from './clock.ts';
import { LocalCloudError } from './errors.ts';
import { asAwsError } from './json-protocol.ts';
import type { OpenEndpoint, Service, ServiceResponse } from './service.ts';

/** Larger than any request that AWS takes by one call here (S3 single PUT apart). */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

/**
 * One loopback port for all services. A request names its service in the credential scope of its signature, as every SDK
 * and the AWS CLI send it; signatures themselves are not checked. A service's open endpoint is found by its path.
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
    const service = this.#services.get(serviceName(headers, url.searchParams) ?? '');
    if (!service) return unknownService(headers);
    const { method = 'GET' } = request;
    return service.handle({ method, path: url.pathname, query: url.searchParams, headers, body, signal });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    // Also closed when all is well; an abort makes an error with a stack, which is not for every request.
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
    });
    let answer: ServiceResponse;
    try {
      const body = await readBody(request);
      const open = this.#open.find(({ prefix }) => request.url?.startsWith(prefix));
      answer = await (open ? open.handle(request, body) : this.#signed(request, body, gone.signal));
    } catch (error) {
      const aws = asAwsError(error);
      answer = { status: aws.status, headers: { 'content-type': 'text/plain' }, body: aws.message };
    }
    if (gone.signal.aborted) return;
    if (answer.cut === 'unanswered') {
      request.socket.destroy();
      return;
    }
    // Node's own Date header would tell the machine's time, and SDKs correct their clocks by it.
    response.sendDate = false;
    response.writeHead(answer.status, {
      date: new Date(this.#clock.now()).toUTCString(),
      'x-amzn-requestid': crypto.randomUUID(),
      'content-length': Buffer.byteLength(answer.body),
      ...answer.headers,
    });
    if (answer.cut === 'midway') {
      const whole = Buffer.from(answer.body);
      response.write(whole.subarray(0, whole.length / 2), () => request.socket.destroy());
    } else response.end(answer.body);
  }
}

/** `…Credential=AKID/20260101/us-east-1/sqs/aws4_request…`, in the header or, presigned, in the query. */
function serviceName(
  headers: Record<string, string | undefined>,
  query: URLSearchParams,
): string | undefined {
  const credential =
    /Credential=([^,\s]+)/.exec(headers.authorization ?? '')?.[1] ?? query.get('X-Amz-Credential');
  // `aws s3 presign` of the first AWS CLI still signs by version 2, which only S3 knows and which names no service.
  return credential?.split('/')[3] ?? (query.has('AWSAccessKeyId') ? 's3' : undefined);
}

function unknownService(headers: Record<string, string | undefined>): ServiceResponse {
  const asked = serviceName(headers, new URLSearchParams());
  return {
    status: 501,
    headers: { 'content-type': 'text/plain' },
    body: asked
      ? `The local cloud has no service "${asked}".\n`
      : 'This is the honest-jobs local cloud. Requests are routed by their signature: use an AWS SDK or the AWS CLI with any credentials.\n',
  };
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
