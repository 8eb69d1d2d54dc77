/** Answers what the query asks for; without a wish, the event that it got. */
const answers = {
  text: () => 'Hello, world!',
  object: () => ({ message: 'Hello, world!' }),
  custom: () => ({
    statusCode: 201,
    headers: { 'Content-Type': 'text/x-own; charset=utf-8', 'My-Custom-Header': 'Custom Value' },
    body: 'grüezi',
  }),
  bytes: () => ({
    statusCode: 200,
    headers: { 'content-type': 'application/octet-stream' },
    body: Buffer.from([0, 255, 128, 10]).toString('base64'),
    isBase64Encoded: true,
  }),
  cookies: () => ({ statusCode: 200, cookies: ['first=1; Secure', 'second=2'], body: '' }),
  refusal: () => ({ statusCode: 422, body: '{"reason":"no"}' }),
  malformed: () => ({ statusCode: 'fine', body: '' }),
  failure: () => {
    throw new Error('as asked');
  },
  slow: () => new Promise((resolve) => setTimeout(() => resolve({ statusCode: 200 }), 20_000)),
  held: () => new Promise((resolve) => setTimeout(() => resolve({ statusCode: 200 }), 1_000)),
};

const told = (event) => ({ statusCode: 200, body: JSON.stringify(event) });

exports.handler = async (event) => (answers[event.queryStringParameters?.answer] ?? told)(event);
