import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { GetQueueUrlCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { main } from '../../cli/honest-jobs.ts';
import { deadLetterQueueName, tableName } from '../../shared/jobs/names.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import type { Lab } from '../lab/lab.ts';
import { CommandLab } from './command-lab.ts';

let commands: CommandLab;
let lab: Lab;
beforeAll(async () => {
  commands = await CommandLab.start(inject('assembly'));
  lab = commands.lab;
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => commands.stop());

describe('honest-jobs status', () => {
  it('tells a completed job by the id of its publisher', async () => {
    const { code, stdout } = await commands.run('status', 'job-good');
    expect(code).toBe(0);
    expect(stdout).toContain('process-payment#tx-good');
    expect(stdout).toMatch(/completed 2\S+Z, result \{"transactionId":"tx-good"\}/);
    expect(stdout).not.toContain('duplicate');
  });

  it('tells by a duplicate’s id whose it was', async () => {
    const { stdout } = await commands.run('status', 'job-again');
    expect(stdout).toContain('the id asked for was a duplicate of job-good');
    expect(stdout).toMatch(/completed 2\S+Z/);
  });

  it('tells by type and key why a job died, each attempt that failed, and where its log is', async () => {
    const { code, stdout } = await commands.run('status', 'process-payment#tx-dead');
    expect(code).toBe(0);
    expect(stdout).toMatch(/dead-lettered 2\S+Z because UNKNOWN_ACCOUNT: There is no account acc-none\./);
    expect(stdout).toMatch(
      /life 1, attempt 1: 2\S+Z to 2\S+Z \([\d.]+ m?s\), request [0-9a-f-]{36}\n {6}UNKNOWN_ACCOUNT/,
    );
    expect(stdout).toMatch(
      /log {7}group \/aws\/lambda\/honest-jobs-dev-process-payment, .*"job-dead".* request [0-9a-f-]{36}/,
    );
    expect(stdout).toMatch(/stack of the last\n {4}PermanentError: There is no account acc-none\.\n {4}at /);
  });

  it('fits one screen, however long its history and its texts; --all leaves nothing out', async () => {
    const atMs = lab.cloud.clock.now();
    const message = `no \u001b[31mcolour\n${'x'.repeat(1000)}`;
    const history = Array.from({ length: 30 }, (_, index) => ({
      life: 1 + Math.floor(index / 6),
      attempt: 1 + (index % 6),
      startedAtMs: atMs,
      endedAtMs: atMs + 250,
      code: 'REFUSED',
      message,
      requestId: `request-${index}`,
      delaySeconds: 7,
      delayWhy: 'delay 1 of 5, 10 s before jitter',
      ...(index === 29
        ? { stack: Array.from({ length: 20 }, (_, line) => `at line ${line}`).join('\n') }
        : {}),
    }));
    const verdict = { code: 'REFUSED', message, atMs, messageId: 'm', attempts: 6, exhausted: true };
    await lab.dynamo.send(
      new PutCommand({
        TableName: tableName(STAGE, 'jobs'),
        Item: {
          ...(await lab.record(JOBS.processPayment, 'tx-dead')),
          pk: 'process-payment#tx-long',
          jobId: 'job-long',
          life: 5,
          attempts: 6,
          history,
          verdict,
          pastVerdicts: [verdict, verdict, verdict, verdict],
        },
      }),
    );
    for (let index = 0; index < 20; index++)
      await lab.dynamo.send(
        new PutCommand({
          TableName: tableName(STAGE, 'jobs'),
          Item: {
            pk: 'process-payment#tx-long',
            sk: `step#part-${index}`,
            state: 'done',
            owner: 'o',
            begunAtMs: atMs,
          },
        }),
      );
    const { stdout } = await commands.run('status', 'process-payment#tx-long');
    expect(stdout.split('\n').length).toBeLessThanOrEqual(45);
    expect(stdout).toContain('failed attempts (the last 4 of 30; --all shows them)');
    expect(stdout).toContain('steps (the last 6 of 20; --all shows them)');
    expect(stdout).toMatch(/life 4 ended 2\S+Z because REFUSED/);
    expect(stdout).toContain('next after 7 s (delay 1 of 5, 10 s before jitter)');
    expect(stdout).toContain('… 15 more lines');
    expect(stdout).not.toContain('\u001b');
    const all = (await commands.run('status', 'process-payment#tx-long', '--all')).stdout;
    expect(all.match(/life \d, attempt \d:/g)).toHaveLength(30);
    expect(all).toContain('at line 19');
  });

  it('says by the cloud’s clock whether a run can still be going on', async () => {
    await lab.dynamo.send(
      new PutCommand({
        TableName: tableName(STAGE, 'jobs'),
        Item: {
          ...(await lab.record(JOBS.processPayment, 'tx-good')),
          pk: 'process-payment#tx-run',
          jobId: 'job-run',
          state: 'running',
          leaseUntilMs: lab.cloud.clock.now() + 3_600_000,
        },
      }),
    );
    expect((await commands.run('status', 'process-payment#tx-run')).stdout).toContain('running since');
    await lab.advance(3700);
    expect((await commands.run('status', 'process-payment#tx-run')).stdout).toContain('crashed: attempt 1');
  });

  it('says what it may mean that there is no record, and exits 1', async () => {
    const { code, stdout } = await commands.run('status', 'job-none');
    expect(code).toBe(1);
    expect(stdout).toContain('no attempt of it has begun. It may be one of 0 messages');
    expect(stdout).toMatch(/or one of 2 dead letters .*, or unknown here/);
    const order = await commands.run('status', 'place-order#none');
    expect(order.code).toBe(1);
    expect(order.stdout).toContain('Nothing lies on its queue, nor dead.');
  });

  it('says that there is no such stage', async () => {
    const { code, stderr } = await commands.run('status', 'job-none', '--stage', 'nowhere');
    expect(code).toBe(1);
    expect(stderr).toContain('Is the stage deployed to this account and region?');
  });
});

describe('honest-jobs dead', () => {
  it('lists the dead letters of a type with their reasons, and leaves them visible', async () => {
    for (let time = 1; time <= 2; time++) {
      const { code, stdout } = await commands.run('dead', 'process-payment');
      expect(code).toBe(0);
      expect(stdout).toContain('2 dead letters of process-payment in stage "dev"');
      expect(stdout).toMatch(
        /process-payment#tx-dead \(id job-dead\), message [0-9a-f-]{36}, sent 2\S+Z\n {4}UNKNOWN_ACCOUNT/,
      );
      expect(stdout).toMatch(/no job, message [0-9a-f-]{36}, sent 2\S+Z\n {4}NOT_JSON: The body is not JSON/);
    }
  });
});

describe('honest-jobs dead of more letters than it lists', () => {
  it('says of how many, and lists the others with --all', async () => {
    const QueueName = deadLetterQueueName(STAGE, JOBS.placeOrder.type);
    const { QueueUrl } = await lab.sqs.send(new GetQueueUrlCommand({ QueueName }));
    for (let ten = 0; ten < 11; ten++)
      await lab.sqs.send(
        new SendMessageBatchCommand({
          QueueUrl,
          Entries: Array.from({ length: 10 }, (_, index) => ({ Id: `${index}`, MessageBody: 'no JSON' })),
        }),
      );
    const some = await commands.run('dead', 'place-order');
    expect(some.stdout).toContain('100 of about 110 dead letters (--all shows them) of place-order in stage');
    const all = await commands.run('dead', 'place-order', '--all');
    expect(all.stdout).toContain('110 dead letters of place-order in stage');
    expect(all.stdout.match(/ {4}NOT_JSON/g)).toHaveLength(110);
  });
});

describe('honest-jobs where nothing answers', () => {
  it.each(['http://localhost:1', 'http://127.0.0.1:1'])(
    'names %s, and how to name another',
    async (endpoint) => {
      const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
      for (const [name, value] of Object.entries(lab.cloud.environment)) vi.stubEnv(name, value);
      vi.stubEnv('AWS_MAX_ATTEMPTS', '1');
      expect(await main(['status', 'job-good', '--endpoint-url', endpoint])).toBe(1);
      vi.unstubAllEnvs();
      expect(stderr.mock.calls.join('')).toMatch(
        new RegExp(`ECONNREFUSED .*Nothing answers at ${endpoint}; --endpoint-url names another`),
      );
    },
  );
});

describe('honest-jobs whose reader reads no further', () => {
  it('does what it was told to, and ends with its own exit code', async () => {
    const { endpoint, environment } = lab.cloud;
    const program = fileURLToPath(new URL('../../cli/honest-jobs.mjs', import.meta.url));
    const args = [program, 'cancel', 'process-payment#tx-unread', '--yes', '--endpoint-url', endpoint];
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout.destroy();
    const [code] = await once(child, 'exit');
    expect(await lab.record(JOBS.processPayment, 'tx-unread')).toMatchObject({ state: 'cancelled' });
    expect(code).toBe(0);
  });
});

describe('honest-jobs', () => {
  it('tells of one command what --help asks of it alone', async () => {
    const printed: string[] = [];
    const terminal = {
      interactive: false,
      print: (text: string) => void printed.push(text),
      ask: async () => '',
    };
    expect(await main(['stages', '--help'], terminal)).toBe(0);
    const help = printed.join('\n');
    expect(help).toContain('npx honest-jobs stages resume TYPE#KEY');
    expect(help).toContain('so do all of a type that failed in that time');
    expect(help).toContain('--endpoint-url URL');
    expect(help).not.toMatch(/honest-jobs (status|redrive|endpoints)|These show the account/);
  });

  it.each([
    [['dead', 'send-fax'], 'There is no job type "send-fax"; there are send-email, process-payment, '],
    [['redo', 'x'], 'There is no command "redo"'],
    [['toString', 'x'], 'There is no command "toString"'],
    [['status'], '"status" takes ID or TYPE#KEY'],
    [['status', 'x', '--bogus'], "Unknown option '--bogus'"],
    [['status', 'x', '--yes'], '"status" has no option --yes'],
    [['resolve', 'job-dead', 'call', 'done'], '"job-dead" is no TYPE#KEY'],
    [['resolve', 'send-email#1', 'call', 'maybe'], '"maybe" is neither done nor not-done'],
    [['resolve', 'send-email#1', 'call', 'done', '--result', 'text'], '--result is no JSON'],
    [['resolve', 'send-email#1', 'call', 'not-done', '--result', '1'], 'was not done has no --result'],
  ])('refuses %j with one sentence and exit code 2', async (args, message) => {
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(await main(args)).toBe(2);
    expect(stderr.mock.calls).toEqual([[expect.stringContaining(message)]]);
    expect(stderr.mock.calls.join('').trim().split('\n')).toHaveLength(1);
  });
});
