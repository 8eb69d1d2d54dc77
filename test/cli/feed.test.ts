import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFeed } from '../../cli/feed.ts';
import { payloadHash } from '../../shared/jobs/message.ts';
import { JOBS } from '../../shared/jobs/registry.ts';

let directory: string;
let file: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'honest-jobs-feed-'));
  file = join(directory, 'feed.ndjson');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const payment = { transactionId: 't1', accountId: 'a', amountMinor: 50, currency: 'EUR' };
const line = (changes: Record<string, unknown> = {}): string =>
  JSON.stringify({ type: 'process-payment', data: payment, ...changes });

function feedOf(text: string) {
  writeFileSync(file, text);
  return readFeed(file);
}

describe('a feed', () => {
  it('has a job a line, with the key that its contract gives', async () => {
    expect(await feedOf(`${line({ id: 'job-1', afterSeconds: 2.5 })}\n${line()}\n`)).toEqual([
      {
        kind: 'job',
        job: JOBS.processPayment,
        afterSeconds: 2.5,
        data: payment,
        id: 'job-1',
        key: 't1',
        payloadHash: payloadHash(payment),
      },
      expect.objectContaining({ kind: 'job', id: undefined, afterSeconds: 0 }),
    ]);
  });

  it('may tell of the day that it is read on, and of days around it', async () => {
    const report = {
      reportId: 'shop-{today}',
      title: 'Today',
      period: { from: '{today-1}', to: '{today+30}' },
      email: 'boss@example.com',
      assets: [],
    };
    const [read] = await feedOf(JSON.stringify({ type: 'generate-report', data: report }));
    const data = read?.kind === 'job' ? (read.data as typeof report) : undefined;
    const day = data?.reportId.slice('shop-'.length) ?? '';
    expect(Math.abs(Date.parse(day) + 43_200_000 - Date.now())).toBeLessThan(50_000_000);
    expect(Date.parse(data?.period.from ?? '')).toBe(Date.parse(day) - 86_400_000);
    expect(Date.parse(data?.period.to ?? '')).toBe(Date.parse(day) + 30 * 86_400_000);
  });

  it('may have bodies to send as they are, and knows which of them are jobs', async () => {
    const event = { specversion: '1.0', id: '1', source: '/shop', type: 'process-payment', data: payment };
    const bodies = ['no JSON', JSON.stringify(event)];
    expect(
      await feedOf(bodies.map((body) => JSON.stringify({ queue: 'process-payment', body })).join('\n')),
    ).toEqual([
      { kind: 'body', job: JOBS.processPayment, afterSeconds: 0, body: 'no JSON' },
      {
        kind: 'body',
        job: JOBS.processPayment,
        afterSeconds: 0,
        body: bodies[1],
        reads: { data: payment, key: 't1', payloadHash: payloadHash(payment) },
      },
    ]);
  });

  it('may be empty, have empty lines, and lines that end as Windows ends them', async () => {
    expect(await feedOf('')).toEqual([]);
    expect(await feedOf(`\r\n${line()}\r\n\n  \n${line()}`)).toHaveLength(2);
  });

  it.each([
    ['is not JSON', '{"type":', /not JSON \(.+\)\. A feed has one JSON object a line\./],
    ['is no object', '[1]', /expected object, received array\. A line has "type" and "data", or/],
    [
      'has an unknown type',
      line({ type: 'send-fax' }),
      /there is no job type "send-fax"; there are send-email,/,
    ],
    ['names an unknown queue', '{"queue":"fax","body":"x"}', /there is no job type "fax"/],
    ['has an id that no consumer takes', line({ id: 'x'.repeat(257) }), /line 3: id: .*256/],
    ['has no data', '{"type":"process-payment"}', /line 3: data: is missing\. A line has/],
    [
      'fails its schema',
      line({ data: { ...payment, amountMinor: 0 } }),
      /The data is no process-payment payload: amountMinor: must not be 0/,
    ],
    ['has a member that means nothing', line({ delay: 5 }), /Unrecognized key: "delay"/],
    ['is due before the beginning', line({ afterSeconds: -1 }), /afterSeconds: Too small/],
    ['is due after a day', line({ afterSeconds: 86_401 }), /afterSeconds: Too big/],
    ['has an empty body', '{"queue":"send-email","body":""}', /body: Too small/],
  ])('is refused whole, by file and line, when a line %s', async (_what, wrong, message) => {
    const refusal = await feedOf(`${line()}\n\n${wrong}\n${line()}\n`).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ name: 'UsageError', code: 'USAGE' });
    expect((refusal as Error).message).toMatch(message);
    expect((refusal as Error).message).toMatch(/^[^\n]*feed\.ndjson, line 3: [^\n]+$/);
  });

  it('that cannot be read says so', async () => {
    await expect(readFeed(join(directory, 'absent'))).rejects.toThrow(
      /The feed .*absent cannot be read: ENOENT/,
    );
    await expect(readFeed(directory)).rejects.toThrow(/cannot be read: EISDIR/);
  });
});
