/** A provider's program of its own: signs by the standardwebhooks library alone, sends, and prints the answer. */
import { Webhook } from 'standardwebhooks';

const [url, secret, id, nowMs, body] = process.argv.slice(2);
const at = new Date(Number(nowMs));
const response = await fetch(url, {
  method: 'POST',
  body,
  headers: {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, at, body),
  },
});
console.log(JSON.stringify({ status: response.status, body: await response.json() }));
