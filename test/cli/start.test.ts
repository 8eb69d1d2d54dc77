import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JobLookup } from '../../shared/client/job-lookup.ts';
import { queueUrlsOfStage } from '../../shared/client/queue-urls.ts';
import type { JobRecord } from '../../shared/jobs/record.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { chargeCard, processPayment, sendEmail } = JOBS;

/** `npm start` as its user has it before them. */
class Start {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<unknown>;
  stdout = '';
  stderr = '';

  /** @param input what comes in through standard input, for `--feed -` */
  constructor(args: readonly string[], input = '') {
    this.#child = spawn(process.execPath, ['cli/start.ts', ...args], { cwd: ROOT });
    this.#ended = once(this.#child, 'close');
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    // It may have refused its options and gone before it read any of this.
    this.#child.stdin.on('error', () => {}).end(input);
  }

  async exitCode(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Waits until it has printed something. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match) return match;
      const gone = await Promise.race([
        once(this.#child.stdout, 'data').then(() => false),
        this.#ended.then(() => true),
      ]);
      if (gone) throw new Error(`It ended without ${pattern}:\n${this.stdout}\n${this.stderr}`);
    }
  }

  /** The way in that its greeting names. */
  async clients() {
    const [, endpoint = ''] = await this.printed(/in the local cloud at (http:\S+) \([\s\S]*?\n\n/);
    const settings = {
      endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
    };
    const sqs = new SQSClient(settings);
    const lookup = new JobLookup(DynamoDBDocumentClient.from(new DynamoDBClient(settings)), STAGE);
    return { sqs, lookup, queueUrl: queueUrlsOfStage(sqs, STAGE) };
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

let directory: string;
let data: string;
let started: Start[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'honest-jobs-start-'));
  data = join(directory, 'data');
  started = [];
});
afterEach(async () => {
  await Promise.all(started.map((one) => one.end()));
  rmSync(directory, { recursive: true, force: true });
});

function start(args: readonly string[], input?: string): Start {
  const made = new Start(args, input);
  started.push(made);
  return made;
}

async function completed(lookup: JobLookup, key: string): Promise<JobRecord> {
  for (;;) {
    const record = await lookup.byKey(processPayment.type, key);
    if (record?.state === 'completed') return record;
    await new Promise((turn) => setTimeout(turn, 20));
  }
}

const paymentOf = (transactionId: string) => ({
  transactionId,
  accountId: 'acc-0001',
  amountMinor: 125,
  currency: 'EUR',
});
const lineOf = (transactionId: string, more: Record<string, unknown> = {}): string =>
  `${JSON.stringify({ type: processPayment.type, data: paymentOf(transactionId), ...more })}\n`;

describe('npm start refuses, in one sentence,', () => {
  /** Standard error is the whole answer: one line. */
  async function refusal(args: readonly string[], input?: string) {
    const refused = start(args, input);
    const code = await refused.exitCode();
    expect(refused.stdout).toBe('');
    expect(refused.stderr).toMatch(/^[^\n]+\n$/);
    return { code, sentence: refused.stderr.trim() };
  }

  it.each([
    [['--bogus'], "Unknown option '--bogus'"],
    [['--port', 'http'], '--port is "http": give a whole number from 0 to 65535.'],
  ])('wrong usage: %j', async (args, sentence) => {
    expect(await refusal(args)).toEqual({ code: 2, sentence: expect.stringContaining(sentence) });
  });

  it.each([
    ['is not JSON', '{"type":"send-email",', 'not JSON'],
    ['has an unknown type', '{"type":"send-fax","data":{}}', 'there is no job type "send-fax"'],
    [
      'fails its schema',
      lineOf('').trim(),
      'The data is no process-payment payload: transactionId: Too small',
    ],
  ])('a feed with a line that %s, and publishes nothing of it', async (_what, wrong, message) => {
    const feed = join(directory, 'feed.ndjson');
    writeFileSync(feed, `${lineOf('1')}${lineOf('2')}${wrong}\n${lineOf('4')}`);
    const { code, sentence } = await refusal(['--once', '--feed', feed, '--data', data]);
    expect(code).toBe(2);
    expect(sentence).toContain(`${feed}, line 3: ${message}`);
    expect(existsSync(data)).toBe(false);
  });

  it('a feed that it cannot read', async () => {
    const feed = join(directory, 'absent');
    expect(await refusal(['--once', '--feed', feed])).toEqual({
      code: 2,
      sentence: expect.stringContaining(`The feed ${feed} cannot be read`),
    });
  });

  it('a port that is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { code, sentence } = await refusal(['--port', String(port), '--data', data, '--feed', '-']);
    server.close();
    expect(code).toBe(3);
    expect(sentence).toContain(`Port ${port} on 127.0.0.1 is in use.`);
  });

  it('a state file that is damaged, and takes --fresh', async () => {
    mkdirSync(data);
    writeFileSync(join(data, 'state.sqlite'), 'no database at all'.repeat(1000));
    expect(await refusal(['--once', '--data', data, '--feed', '-'])).toEqual({
      code: 3,
      sentence: expect.stringMatching(
        /^The state file \S+ cannot be read .+ Start with --fresh to discard it/,
      ),
    });
    expect(await start(['--once', '--data', data, '--feed', '-', '--fresh']).exitCode()).toBe(0);
  });

  it('the state of another version', async () => {
    mkdirSync(data);
    const db = new DatabaseSync(join(data, 'state.sqlite'));
    db.exec('PRAGMA user_version = 7');
    db.close();
    expect(await refusal(['--once', '--data', data, '--feed', '-'])).toEqual({
      code: 3,
      sentence: expect.stringContaining('is of version 7'),
    });
  });

  it('to discard a folder that holds anything but state', async () => {
    mkdirSync(data);
    writeFileSync(join(data, 'thesis.txt'), 'years of work');
    expect(await refusal(['--fresh', '--data', data, '--feed', '-'])).toEqual({
      code: 3,
      sentence: expect.stringContaining('nothing in it was discarded'),
    });
    expect(readdirSync(data)).toEqual(['thesis.txt']);
  });

  it('state that another one runs on', async () => {
    await start(['--port', '0', '--data', data, '--feed', '-']).clients();
    for (const more of [[], ['--fresh']])
      expect(await refusal(['--port', '0', '--data', data, '--feed', '-', ...more])).toEqual({
        code: 3,
        sentence: expect.stringContaining('Another local cloud runs on the state file'),
      });
  });
});

describe('npm start -- --help', () => {
  it('shows the options and what the exit codes mean', async () => {
    const help = start(['--help']);
    expect(await help.exitCode()).toBe(0);
    expect(help.stdout).toMatch(/--feed FILE[\s\S]*Exit codes: 0 well, 1 a promise did not hold/);
  });
});

describe('npm start -- --once', () => {
  it('runs the jobs of standard input and prints their account', async () => {
    const bodies = ['no JSON', JSON.stringify({ specversion: '1.0' })].map(
      (body) => `${JSON.stringify({ queue: sendEmail.type, body })}\n`,
    );
    const run = start(
      ['--once', '--data', data, '--feed', '-'],
      [lineOf('1'), lineOf('2', { afterSeconds: 3000 }), lineOf('1'), ...bodies].join(''),
    );
    expect(await run.exitCode()).toBe(0);
    expect(run.stdout).toMatch(/process-payment +3 +2 +2 +0 +0 +0 +0\n/);
    expect(run.stdout).toMatch(/send-email: NOT_JSON: The body is not JSON.*\n +message [0-9a-f-]{36}\n/);
    expect(run.stdout).toContain('held    Every accepted message ended');
    expect(run.stdout).not.toContain('BROKEN');
    expect(run.stderr).toBe('');
  });

  it('goes on with the state of a folder that it is given', async () => {
    const args = ['--once', '--data', data, '--feed', '-'];
    expect(await start(args, lineOf('1')).exitCode()).toBe(0);
    const second = start(args, lineOf('1') + lineOf('2'));
    expect(await second.exitCode()).toBe(0);
    expect(second.stdout).toContain('with 1 jobs from before');
    expect(second.stdout).toMatch(/process-payment .* completed {5}2 {2}duplicates {5}1 {2}dead {5}0/);
    expect(second.stdout).toContain('(24 accounts, 2 payments)');
  });

  it('charges cards at a provider of its own, which remembers them with the state until that is discarded', async () => {
    const charge = {
      type: chargeCard.type,
      data: { chargeId: 'c-1', customer: 'cus_1', paymentMethod: 'pm_1', amountMinor: 999, currency: 'EUR' },
    };
    const args = ['--once', '--data', data, '--feed', '-'];
    const declined = {
      ...charge,
      data: { ...charge.data, chargeId: 'c-2', paymentMethod: 'pm_card_expired' },
    };
    const first = start(args, `${JSON.stringify(charge)}\n${JSON.stringify(declined)}\n`);
    expect(await first.exitCode()).toBe(0);
    expect(first.stdout).toMatch(/charge-card +2 +2 +2 +0 +0 +0 +0\n/);
    expect(first.stdout).toContain('as the provider made it (2 completed, 2 recorded, 1 cards charged)');
    const second = start(args, `${JSON.stringify(charge)}\n`);
    expect(await second.exitCode()).toBe(0);
    expect(second.stdout).toContain('held    No card was charged twice (2 charges at the provider)');
    const fresh = start([...args, '--fresh'], '');
    expect(await fresh.exitCode()).toBe(0);
    expect(fresh.stdout).toContain('held    No card was charged twice (0 charges at the provider)');
  });

  it('fails when a message is not accepted, and says which and why', async () => {
    const huge = JSON.stringify({ queue: sendEmail.type, body: 'x'.repeat(1_100_000) });
    const run = start(['--once', '--data', data, '--feed', '-'], `${huge}\n`);
    expect(await run.exitCode()).toBe(1);
    expect(run.stdout).toMatch(/not accepted: .*1048576/);
  });

  it('says that it was interrupted instead of giving an account', async () => {
    const run = start(
      ['--once', '--factor', '1', '--data', data, '--feed', '-'],
      lineOf('1') + lineOf('late', { afterSeconds: 86_400 }),
    );
    const { lookup } = await run.clients();
    await completed(lookup, '1');
    run.signal('SIGINT');
    expect(await run.exitCode()).toBe(130);
    expect(run.stdout).toContain(`Interrupted before all was done, so there is no account.`);
    expect(run.stdout).not.toContain('Promises');
    expect(run.stderr).toBe('');
  });
});

describe.each(['SIGINT', 'SIGTERM'] as const)('npm start, ended by %s', (signal) => {
  it('exits 0, and its state goes on in the next one', async () => {
    const first = start(['--port', '0', '--data', data, '--feed', '-'], lineOf('before'));
    const { sqs, lookup, queueUrl } = await first.clients();
    await completed(lookup, 'before');
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: await queueUrl(processPayment.type),
        DelaySeconds: 600,
        MessageBody: JSON.stringify({
          specversion: '1.0',
          id: '1',
          source: '/test',
          type: processPayment.type,
          data: paymentOf('after'),
        }),
      }),
    );
    first.signal(signal);
    expect(await first.exitCode()).toBe(0);
    expect(first.stdout).toContain('Stopping; the state is kept.');
    expect(first.stderr).toBe('');

    const second = start(['--port', '0', '--data', data, '--feed', '-', '--factor', '3600']);
    const { lookup: later } = await second.clients();
    expect(await completed(later, 'before')).toMatchObject({ attempts: 1 });
    expect(await completed(later, 'after')).toMatchObject({ attempts: 1 });
    expect(second.stdout).toContain('with 1 jobs from before');
    second.signal(signal);
    expect(await second.exitCode()).toBe(0);
  });
});

describe('npm start with nothing but a port', () => {
  it('publishes the samples into new state, and says how to publish more', async () => {
    const first = start(['--port', '0', '--data', data]);
    const { lookup } = await first.clients();
    while ((await Array.fromAsync(lookup.all())).length === 0);
    expect(first.stdout).toMatch(
      /publish with: aws --endpoint-url (http:\S+) sqs send-message --queue-url \1\/\d+\/honest-jobs-dev-send-email/,
    );
    first.signal('SIGINT');
    expect(await first.exitCode()).toBe(0);

    const second = start(['--port', '0', '--data', data]);
    await second.clients();
    expect(second.stdout).toContain('the samples go into new state only; --fresh begins again with them');
    second.signal('SIGINT');
    expect(await second.exitCode()).toBe(0);
  });
});
