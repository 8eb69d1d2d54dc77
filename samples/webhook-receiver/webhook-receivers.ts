import { once } from 'node:events';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Behaviour, TAKING } from './behaviour.ts';
import { Receiver, type TakenDelivery } from './receiver.ts';

export interface WebhookReceiversOptions {
  /** On 127.0.0.1. @default a free one */
  readonly port?: number;
  /** Milliseconds since the epoch, as the sender has it. @default this machine's time */
  readonly now?: () => number;
  /** Where it is kept what they have taken. @default nowhere: it ends with the process */
  readonly file?: string;
}

/** A delivery, as the file keeps it. */
type Line = TakenDelivery & { readonly receiver: string };

/** The endpoints of customers on this machine: one server, a path each. */
export class WebhookReceivers {
  readonly #receivers = new Map<string, Receiver>();
  readonly #now: () => number;
  readonly #file: string | undefined;
  readonly #server: Server;
  /** What a redirect leads to: nothing may ever come here. */
  readonly #internal: Server;
  #internalRequests = 0;

  private constructor(now: () => number, file: string | undefined) {
    this.#now = now;
    this.#file = file;
    this.#server = createServer((request, response) => {
      // Whoever breaks off gets no answer, and changes nothing here.
      this.#serve(request, response).catch(() => response.destroy());
    });
    this.#internal = createServer((_, response) => {
      this.#internalRequests++;
      response.end('{"AccessKeyId":"internal"}');
    });
  }

  static async start({
    port = 0,
    now = () => Date.now(),
    file,
  }: WebhookReceiversOptions = {}): Promise<WebhookReceivers> {
    const receivers = new WebhookReceivers(now, file);
    await listen(receivers.#server, port);
    await listen(receivers.#internal, 0);
    return receivers;
  }

  /** A receiver at a path of its name; the same one for the same name. */
  open(name: string): Receiver {
    const known = this.#receivers.get(name);
    if (known) return known;
    const file = this.#file;
    const receiver = new Receiver(name, `${urlOf(this.#server)}/${name}`, {
      now: this.#now,
      onTaken: (delivery) => {
        const line: Line = { receiver: name, ...delivery };
        if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`);
      },
    });
    for (const line of linesOf(file)) if (line.receiver === name) receiver.remember(line);
    this.#receivers.set(name, receiver);
    return receiver;
  }

  get all(): readonly Receiver[] {
    return [...this.#receivers.values()];
  }

  /** How many requests came to the internal address: must never be more than 0. */
  get internalRequests(): number {
    return this.#internalRequests;
  }

  async stop(): Promise<void> {
    for (const server of [this.#server, this.#internal]) {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const receiver = this.#receivers.get((request.url ?? '').slice(1));
    if (!receiver || request.method !== 'POST') return answer(response, 404);
    const behaviour = receiver.meet();
    const body = await text(request);
    if (behaviour?.latencySeconds) await sleep(behaviour.latencySeconds * 1000);
    if (TAKING.has(behaviour?.answer)) {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      if (!receiver.take({ headers, body })) return answer(response, 401);
    }
    await this.#answer(response, behaviour ?? {});
  }

  async #answer(response: ServerResponse, behaviour: Behaviour): Promise<void> {
    const { retryAfterSeconds } = behaviour;
    const later = retryAfterSeconds === undefined ? {} : { 'retry-after': retryAfterSeconds };
    switch (behaviour.answer) {
      case undefined:
        return answer(response, 204);
      case 'unavailable':
        return answer(response, 503, later);
      case 'busy':
        return answer(response, 429, later);
      case 'gone':
        return answer(response, 410);
      case 'unknown':
        return answer(response, 404);
      case 'redirected':
        return answer(response, 307, { location: `${urlOf(this.#internal)}/latest/meta-data/` });
      case 'dropped':
        response.destroy();
        return;
      case 'forgotten':
        return;
      case 'endless':
        response.writeHead(200);
        while (!response.destroyed) {
          response.write('x'.repeat(65_536));
          await sleep(1);
        }
    }
  }
}

function linesOf(file: string | undefined): Line[] {
  if (file === undefined || !existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Line);
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answer(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string | number>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(status === 204 ? undefined : `{"status":${status}}`);
}
