import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { main } from '../../cli/honest-jobs.ts';
import type { Terminal } from '../../cli/terminal.ts';
import { tableName } from '../../shared/jobs/names.ts';
import type { StepRecord } from '../../shared/jobs/record.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import { Lab } from '../lab/lab.ts';

const PROGRAM = fileURLToPath(new URL('../../cli/honest-jobs.mjs', import.meta.url));
const payment = { accountId: 'acc-cli', amountMinor: 5, currency: 'EUR' };

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
  await openAccount('acc-cli');
  await lab.publish(JOBS.processPayment, { ...payment, transactionId: 'tx-good' }, { id: 'job-good' });
  await lab.drain();
  await lab.publish(JOBS.processPayment, { ...payment, transactionId: 'tx-good' }, { id: 'job-again' });
  await dieFor('tx-dead', 'acc-none', 'job-dead');
  await lab.send(JOBS.processPayment, 'no JSON');
  await lab.drain();
});
afterEach(() => vi.unstubAllEnvs());
afterAll(() => lab.stop());

async function openAccount(accountId: string): Promise<void> {
  await lab.dynamo.send(
    new PutCommand({
      TableName: tableName(STAGE, 'accounts'),
      Item: { accountId, balanceMinor: 10, currency: 'EUR' },
    }),
  );
}

/** A payment of an account that is not there, which is dead-lettered at once. */
async function dieFor(transactionId: string, accountId: string, id: string): Promise<void> {
  await lab.publish(JOBS.processPayment, { ...payment, transactionId, accountId }, { id });
  await lab.drain();
}

/** As a process killed in a step leaves it behind. */
async function leaveUncertain(key: string): Promise<void> {
  const atMs = lab.cloud.clock.now();
  const step: StepRecord = {
    pk: `process-payment#${key}`,
    sk: 'step#call',
    state: 'begun',
    owner: 'gone',
    firstBegunAtMs: atMs,
    begunAtMs: atMs,
    expiration: Math.ceil(atMs / 1000) + 86_400,
  };
  await lab.dynamo.send(new PutCommand({ TableName: tableName(STAGE, 'jobs'), Item: step }));
}

async function honestJobs(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [PROGRAM, ...args, '--endpoint-url', lab.cloud.endpoint],
      { env: { ...process.env, ...lab.cloud.environment } },
    );
    return { code: 0, stdout, stderr };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

/** The same with a person at a terminal who answers so. */
async function atTerminal(answer: string, ...args: string[]) {
  const printed: string[] = [];
  const asked: string[] = [];
  const terminal: Terminal = {
    interactive: true,
    print: (text) => void printed.push(text),
    ask: async (question) => {
      asked.push(question);
      return answer;
    },
  };
  for (const [name, value] of Object.entries(lab.cloud.environment)) vi.stubEnv(name, value);
  const code = await main([...args, '--endpoint-url', lab.cloud.endpoint], terminal);
  return { code, stdout: printed.join('\n'), asked };
}

describe('honest-jobs status', () => {
  it('tells a completed job by the id of its publisher', async () => {
    const { code, stdout } = await honestJobs('status', 'job-good');
    expect(code).toBe(0);
    expect(stdout).toContain('process-payment#tx-good');
    expect(stdout).toMatch(/completed 2\S+Z, result \{"transactionId":"tx-good"\}/);
    expect(stdout).not.toContain('duplicate');
  });

  it('tells by a duplicate’s id whose it was', async () => {
    const { stdout } = await honestJobs('status', 'job-again');
    expect(stdout).toContain('the id asked for was a duplicate of job-good');
    expect(stdout).toMatch(/completed 2\S+Z/);
  });

  it('tells by type and key why a job died, each attempt that failed, and where its log is', async () => {
    const { code, stdout } = await honestJobs('status', 'process-payment#tx-dead');
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
    const { stdout } = await honestJobs('status', 'process-payment#tx-long');
    expect(stdout.split('\n').length).toBeLessThanOrEqual(45);
    expect(stdout).toContain('failed attempts (the last 4 of 30; --all shows them)');
    expect(stdout).toContain('steps (the last 6 of 20; --all shows them)');
    expect(stdout).toMatch(/life 4 ended 2\S+Z because REFUSED/);
    expect(stdout).toContain('next after 7 s (delay 1 of 5, 10 s before jitter)');
    expect(stdout).toContain('… 15 more lines');
    expect(stdout).not.toContain('\u001b');
    const all = (await honestJobs('status', 'process-payment#tx-long', '--all')).stdout;
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
    expect((await honestJobs('status', 'process-payment#tx-run')).stdout).toContain('running since');
    await lab.advance(3700);
    expect((await honestJobs('status', 'process-payment#tx-run')).stdout).toContain('crashed: attempt 1');
  });

  it('says what it may mean that there is no record, and exits 1', async () => {
    const { code, stdout } = await honestJobs('status', 'job-none');
    expect(code).toBe(1);
    expect(stdout).toContain('no attempt of it has begun. It may be one of 0 messages');
    expect(stdout).toMatch(/or one of 2 dead letters .*, or unknown here/);
    const order = await honestJobs('status', 'place-order#none');
    expect(order.code).toBe(1);
    expect(order.stdout).toContain('Nothing lies on its queue, nor dead.');
  });

  it('says that there is no such stage', async () => {
    const { code, stderr } = await honestJobs('status', 'job-none', '--stage', 'nowhere');
    expect(code).toBe(1);
    expect(stderr).toContain('Is the stage deployed to this account and region?');
  });
});

describe('honest-jobs dead', () => {
  it('lists the dead letters of a type with their reasons, and leaves them visible', async () => {
    for (let time = 1; time <= 2; time++) {
      const { code, stdout } = await honestJobs('dead', 'process-payment');
      expect(code).toBe(0);
      expect(stdout).toContain('2 dead letters of process-payment in stage "dev"');
      expect(stdout).toMatch(/process-payment#tx-dead \(id job-dead\), sent 2\S+Z\n {4}UNKNOWN_ACCOUNT/);
      expect(stdout).toMatch(/message [0-9a-f-]{36}, sent 2\S+Z\n {4}NOT_JSON: The body is not JSON/);
    }
  });
});

describe('honest-jobs cancel', () => {
  it('keeps a job from running whose message has not come yet', async () => {
    const { code, stdout } = await honestJobs('cancel', 'process-payment#tx-never', '--yes');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^account \d{12}, region \S+, stage "dev"\ncancels process-payment#tx-never: it has no/,
    );
    expect(stdout).toContain('Cancelled before it ran');
    await lab.publish(JOBS.processPayment, { ...payment, transactionId: 'tx-never' }, { id: 'job-never' });
    await lab.drain();
    const told = (await honestJobs('status', 'process-payment#tx-never')).stdout;
    expect(told).toMatch(/cancelled 2\S+Z\n/);
    expect(told).toContain('not known: it was cancelled before its message was met');
    expect((await honestJobs('cancel', 'process-payment#tx-never', '--yes')).stdout).toContain(
      'It was cancelled before',
    );
  });

  it('is too late for a job that has ended, and exits 1', async () => {
    const completed = await honestJobs('cancel', 'job-good', '--yes');
    expect(completed.code).toBe(1);
    expect(completed.stdout).toMatch(/Too late, nothing was changed: it is completed 2/);
    const dead = await honestJobs('cancel', 'process-payment#tx-dead', '--yes');
    expect(dead.code).toBe(1);
    expect(dead.stdout).toContain('It runs again only if its dead letter is redriven.');
  });

  it('says that an id leads nowhere before the first attempt', async () => {
    const { code, stdout } = await honestJobs('cancel', 'job-none', '--yes');
    expect(code).toBe(1);
    expect(stdout).toContain('Cancel it as TYPE#KEY, which works before that, too.');
  });

  it('asks for the key where an id is that of two jobs', async () => {
    for (const transactionId of ['tx-same-1', 'tx-same-2'])
      await lab.publish(JOBS.processPayment, { ...payment, transactionId }, { id: 'job-same' });
    await lab.drain();
    const { code, stderr } = await honestJobs('cancel', 'job-same', '--yes');
    expect(code).toBe(2);
    expect(stderr).toContain('"job-same" is the id of 2 jobs: name one of process-payment#tx-same-');
    expect((await honestJobs('status', 'job-same')).stdout.match(/ {2}status /g)).toHaveLength(2);
  });

  it('asks at a terminal, and changes nothing without a yes', async () => {
    const no = await atTerminal('', 'cancel', 'process-payment#tx-asked');
    expect(no).toMatchObject({ code: 1, asked: ['Go on? (y/N) '] });
    expect(no.stdout).toContain('Nothing was changed.');
    expect(await lab.record(JOBS.processPayment, 'tx-asked')).toBeUndefined();
    expect(await atTerminal('y', 'cancel', 'process-payment#tx-asked')).toMatchObject({ code: 0 });
    expect(await lab.record(JOBS.processPayment, 'tx-asked')).toMatchObject({ state: 'cancelled' });
  });
});

describe('honest-jobs resolve and redrive', () => {
  it('bring a dead job with an uncertain step to its end', async () => {
    await dieFor('tx-mend', 'acc-late', 'job-mend');
    await leaveUncertain('tx-mend');
    expect((await honestJobs('status', 'job-mend')).stdout).toMatch(/call: UNCERTAIN: begun 2\S+Z/);
    const resolved = await honestJobs(
      ...['resolve', 'process-payment#tx-mend', 'call', 'done', '--result', '{"id":7}', '--yes'],
    );
    expect(resolved.code).toBe(0);
    expect(resolved.stdout).toMatch(/^account \d{12}, region \S+, stage "dev"\n/);
    expect(resolved.stdout).toContain('as done, with the result {"id":7}: it will not run again');
    expect(resolved.stdout).toContain('npx honest-jobs redrive process-payment');
    expect((await honestJobs('status', 'job-mend')).stdout).toMatch(/call: done 2\S+Z, result \{"id":7\}/);

    await openAccount('acc-late');
    await openAccount('acc-none');
    const redriven = await honestJobs('redrive', 'process-payment', '--yes');
    expect(redriven.code).toBe(0);
    expect(redriven.stdout).toMatch(/^account \d{12}, region \S+, stage "dev"\nredrives all 3 dead letters/);
    expect(redriven.stdout).toMatch(/ {6}2 {2}UNKNOWN_ACCOUNT: There is no account/);
    expect(redriven.stdout).toMatch(/ {6}1 {2}NOT_JSON: /);
    expect(redriven.stdout).toContain('COMPLETED: 3 moved');
    await lab.drain();
    const told = (await honestJobs('status', 'job-mend')).stdout;
    expect(told).toMatch(/status {4}completed/);
    expect(told).toMatch(/life {6}2, since 2\S+Z\n {12}life 1 ended 2\S+Z because UNKNOWN_ACCOUNT/);
  });

  it('say that there is nothing to redrive', async () => {
    const { code, stdout } = await honestJobs('redrive', 'place-order', '--yes');
    expect(code).toBe(0);
    expect(stdout).toContain('No dead letter of place-order can be redriven.');
  });

  it('say what is wrong with a step', async () => {
    const { code, stderr } = await honestJobs('resolve', 'process-payment#tx-good', 'nope', 'done', '--yes');
    expect(code).toBe(1);
    expect(stderr).toContain('process-payment#tx-good has begun no step "nope"; it has begun none.');
  });

  it('ask at a terminal before a redrive, and move nothing without a yes', async () => {
    await dieFor('tx-left', 'acc-nowhere', 'job-left');
    const { code, stdout } = await atTerminal('n', 'redrive', 'process-payment');
    expect(code).toBe(1);
    expect(stdout).toContain('Nothing was changed.');
    expect(await lab.deadLetterOf(JOBS.processPayment, 'tx-left')).toBeDefined();
  });
});

describe('every command that changes something', () => {
  it.each([
    [['cancel', 'process-payment#tx-no-terminal']],
    [['resolve', 'process-payment#tx-no-terminal', 'call', 'not-done']],
    [['redrive', 'process-payment']],
  ])('shows what %j would do, and refuses without a terminal or --yes', async (args) => {
    await dieFor('tx-no-terminal', 'acc-nowhere', 'job-no-terminal');
    await leaveUncertain('tx-no-terminal');
    const before = await lab.record(JOBS.processPayment, 'tx-no-terminal');
    const { code, stdout, stderr } = await honestJobs(...args);
    expect(code).toBe(2);
    expect(stdout).toMatch(/^account \d{12}, region \S+, stage "dev"\n/);
    expect(stderr).toBe(
      'Nothing was changed: there is no terminal to ask at. Repeat the command with --yes if this is what you want.\n',
    );
    expect(await lab.record(JOBS.processPayment, 'tx-no-terminal')).toEqual(before);
    expect(await lab.lookup.steps({ pk: 'process-payment#tx-no-terminal' })).toMatchObject([
      { state: 'begun' },
    ]);
    expect(await lab.deadLetterOf(JOBS.processPayment, 'tx-no-terminal')).toBeDefined();
  });
});

describe('honest-jobs', () => {
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
    const { code, stderr } = await honestJobs(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
