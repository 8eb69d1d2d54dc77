import { type IncomingHttpHeaders, request as plainRequest, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import {
  AddPermissionCommand,
  CreateFunctionUrlConfigCommand,
  DeleteFunctionCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { Lambda } from '../../local/lambda/index.ts';
import { Sqs } from '../../local/sqs/index.ts';
import { type Target, target } from './endpoint.ts';
import { createFunction, deployFunction, type SuiteFunction } from './functions.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

export interface Asked {
  /** @default GET */
  readonly method?: string;
  /** @default / */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
}

export interface UrlOptions {
  readonly timeoutSeconds?: number;
  /** Which of the permissions that a public URL needs are granted. @default both */
  readonly grants?: readonly ('InvokeFunctionUrl' | 'InvokeFunction')[];
}

/** The suite's function behind a URL, at the target. */
export class UrlCloud {
  readonly client: LambdaClient;
  readonly target: Target;
  readonly #embedded: Lambda | undefined;
  readonly #made: string[] = [];

  private constructor(reached: Target, embedded: Lambda | undefined) {
    this.target = reached;
    this.#embedded = embedded;
    this.client = new LambdaClient({ ...reached.client, maxAttempts: 1 });
  }

  static async open(): Promise<UrlCloud> {
    let embedded: Lambda | undefined;
    const reached = await target((context) => {
      const sqs = new Sqs(context);
      embedded = new Lambda(context, { sqs });
      return [embedded, sqs];
    });
    return new UrlCloud(reached, embedded);
  }

  async close(): Promise<void> {
    if (!this.#embedded)
      for (const FunctionName of this.#made)
        await this.client.send(new DeleteFunctionCommand({ FunctionName }));
    this.client.destroy();
    await this.target.stop();
  }

  async function({
    timeoutSeconds,
    grants = ['InvokeFunctionUrl', 'InvokeFunction'],
  }: UrlOptions = {}): Promise<{ readonly name: string; readonly url: string }> {
    const made = { name: `conformance-${crypto.randomUUID()}`, folder: 'lambda-url-handler', timeoutSeconds };
    this.#made.push(made.name);
    const url = this.#embedded ? deploy(this.#embedded, made, grants) : await this.#create(made, grants);
    return { name: made.name, url };
  }

  /** One HTTP request, as anybody would make it. */
  async ask({ url }: { readonly url: string }, asked: Asked = {}): Promise<Answer> {
    const { method = 'GET', path = '/', headers = {}, body } = asked;
    const [, scheme, host = '', prefix = ''] = /^(https?):\/\/([^/]+)(.*)\/$/.exec(url) ?? [];
    const options = { method, headers: { ...headers, host }, path: prefix + path, ...this.#connection(host) };
    return new Promise((answered, fail) => {
      const send = scheme === 'https' ? tlsRequest : plainRequest;
      const sent = send(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('error', fail);
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const whole = Buffer.concat(chunks);
          const { statusCode = 0, headers } = response;
          answered({ status: statusCode, headers, body: whole, text: whole.toString('utf8') });
        });
      });
      sent.on('error', fail);
      sent.end(body);
    });
  }

  /** LocalStack's URLs have host names of their own, which a machine without a network cannot resolve. */
  #connection(host: string): RequestOptions {
    const { hostname, port } = new URL(this.target.endpoint ?? `https://${host}`);
    return { hostname, port };
  }

  async #create(made: SuiteFunction, grants: readonly string[]): Promise<string> {
    await createFunction(this.client, made);
    const FunctionName = made.name;
    const created = await this.client.send(
      new CreateFunctionUrlConfigCommand({ FunctionName, AuthType: 'NONE' }),
    );
    for (const action of grants)
      await this.client.send(
        new AddPermissionCommand({
          FunctionName,
          StatementId: action,
          Principal: '*',
          ...permission(action),
        }),
      );
    return created.FunctionUrl ?? '';
  }
}

function permission(action: string) {
  return {
    Action: `lambda:${action}`,
    ...(action === 'InvokeFunctionUrl'
      ? { FunctionUrlAuthType: 'NONE' as const }
      : { InvokedViaFunctionUrl: true }),
  };
}

/** As the template of an app has them. */
function deploy(lambda: Lambda, made: SuiteFunction, grants: readonly string[]): string {
  const provision = deployFunction(lambda, made);
  for (const action of grants)
    provision(
      'AWS::Lambda::Permission',
      { FunctionName: made.name, Principal: '*', ...permission(action) },
      `${action}-${made.name}`,
    );
  const url = provision('AWS::Lambda::Url', { AuthType: 'NONE', TargetFunctionArn: made.name });
  return url.attributes.FunctionUrl ?? '';
}
