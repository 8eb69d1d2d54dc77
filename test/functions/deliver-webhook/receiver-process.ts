/** A customer's receiver, as a program of its own: nothing of ours is in it. Its first answers are 503. */
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';

const [, , secret = '', refusals = '0'] = process.argv;
const webhook = new Webhook(secret);
const systemNow = Date.now;
let aheadMs = 0;
let requests = 0;

// The cloud that it is tried with skips time, which the clock of a customer would not.
process.on('message', (ahead: number) => {
  aheadMs = ahead;
  process.send?.({ ahead });
});
Date.now = () => systemNow() + aheadMs;

const server = createServer(async (request, response) => {
  const body = await text(request);
  const headers = request.headers as Record<string, string>;
  let verified: unknown;
  try {
    verified = webhook.verify(body, headers);
  } catch (error) {
    verified = (error as Error).message;
  }
  const { 'webhook-id': id, 'webhook-timestamp': timestamp } = headers;
  process.send?.({ id, timestamp, verified });
  response.writeHead(++requests <= Number(refusals) ? 503 : 204).end();
});
server.listen(0, '127.0.0.1', () => process.send?.({ address: server.address() }));
