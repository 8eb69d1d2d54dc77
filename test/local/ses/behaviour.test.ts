import { expect, it } from 'vitest';
import { mailTo, SesLab } from './ses-lab.ts';

/** Moves cloud time in steps until the promise settles, letting the request arrive in between. */
async function inCloudTime<Result>(lab: SesLab, work: Promise<Result>): Promise<Result> {
  let settled = false;
  const watched = work.finally(() => {
    settled = true;
  });
  while (!settled) {
    await lab.clock.advance(1000);
    await new Promise((turn) => setImmediate(turn));
  }
  return watched;
}

it('is slow in cloud time', async () => {
  await using lab = await SesLab.open();
  lab.ses.setBehaviour({ latencySeconds: 600 });
  const startMs = lab.clock.now();
  await inCloudTime(lab, lab.send());
  expect(lab.ses.sent()[0]?.atMs).toBeGreaterThanOrEqual(Math.floor(startMs) + 600_000);
});

it('sends a mail whose caller gave up while it was slow, as a provider does', async () => {
  await using lab = await SesLab.open();
  lab.ses.setBehaviour({ latencySeconds: 600 });
  const caller = new AbortController();
  const sending = lab.send({}, caller.signal);
  const received = new Promise<void>((done) => {
    const check = () => (lab.ses.waiting > 0 ? done() : setImmediate(check));
    check();
  });
  await received;
  caller.abort();
  await expect(sending).rejects.toMatchObject({ name: 'AbortError' });
  await lab.clock.advance(600_000);
  await new Promise((turn) => setImmediate(turn));
  expect(lab.ses.sent()).toHaveLength(1);
});

it('refuses with the error it was given, and sends nothing', async () => {
  await using lab = await SesLab.open();
  lab.ses.setBehaviour({ error: { code: 'TooManyRequestsException', status: 429, message: 'Slow down.' } });
  await expect(lab.send()).rejects.toMatchObject({
    name: 'TooManyRequestsException',
    message: 'Slow down.',
    $metadata: { httpStatusCode: 429 },
  });
  expect(lab.ses.sent()).toEqual([]);
});

it('loses the answer of a mail that it sent', async () => {
  await using lab = await SesLab.open();
  lab.ses.setBehaviour({ thenLoseAnswer: true });
  await expect(lab.send()).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
  expect(lab.ses.sent()).toHaveLength(1);
});

it.each([
  [{ hang: true }, 0],
  [{ hang: true, thenLoseAnswer: true }, 1],
] as const)('with %j answers nobody, having sent %i mails', async (behaviour, sent) => {
  await using lab = await SesLab.open();
  lab.ses.setBehaviour(behaviour);
  await expect(lab.send({}, AbortSignal.timeout(50))).rejects.toMatchObject({
    name: expect.stringMatching(/AbortError|TimeoutError/),
  });
  expect(lab.ses.sent()).toHaveLength(sent);
});

it('is unwell only towards the addresses named', async () => {
  await using lab = await SesLab.open();
  lab.ses.setBehaviour({ onlyTo: /@down\.example$/g, error: { code: 'X', status: 503, message: 'down' } });
  for (const name of ['a', 'b'])
    await expect(lab.send(mailTo(`${name}@down.example`))).rejects.toMatchObject({ name: 'X' });
  await lab.send(mailTo('a@up.example'));
  expect(lab.ses.sent()).toHaveLength(1);
});

it('checks a mail before it is unwell, as the request is read first', async () => {
  await using lab = await SesLab.open();
  lab.ses.setBehaviour({ error: { code: 'X', status: 503, message: 'down' } });
  await expect(lab.send(mailTo('nobody'))).rejects.toMatchObject({ name: 'BadRequestException' });
});

it('is well again when told so', async () => {
  await using lab = await SesLab.open();
  lab.ses.setBehaviour({ error: { code: 'X', status: 503, message: 'down' } });
  lab.ses.setBehaviour(undefined);
  await lab.send();
});

it('sends nothing more once it stops', async () => {
  await using lab = await SesLab.open();
  lab.ses.setBehaviour({ latencySeconds: 600 });
  const sending = lab.send();
  while (lab.ses.waiting === 0) await new Promise((turn) => setImmediate(turn));
  await lab.ses.stop();
  await expect(sending).rejects.toMatchObject({ name: 'ServiceUnavailableException' });
  expect(lab.ses.sent()).toEqual([]);
});
