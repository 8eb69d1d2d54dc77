import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type * as z from 'zod';
import { tableName } from '../../shared/jobs/names.ts';
import { STAGE } from '../lab/global-setup.ts';
import { Lab } from '../lab/lab.ts';
import { staged } from '../lab/probe/staged/contract.ts';
import { CommandLab } from './command-lab.ts';

vi.mock(import('../../shared/jobs/registry.ts'), async (original) => {
  const registry = await original();
  const { staged } = await import('../lab/probe/staged/contract.ts');
  return {
    ...registry,
    JOB_TYPES: [...registry.JOB_TYPES, staged.type],
    jobByType: (type) => (type === staged.type ? staged : registry.jobByType(type)),
  };
});

const DAY_SECONDS = 86_400;

let lab: Lab;
let commands: CommandLab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('stagedAssembly'), stage: STAGE });
  commands = CommandLab.on(lab);
});
afterAll(() => lab.stop());

type Acts = z.input<typeof staged.payload>['acts'];

/** Without a terminal. */
const run = (...args: string[]) => commands.atTerminal(undefined, ...args);

async function runTo(key: string, acts: Acts, words = ['hello', 'world']): Promise<void> {
  await lab.publish(staged, { key, words, acts }, { id: `id-${key}` });
  await lab.drain();
}

/** One that failed, a while ago: its verdict binds no more. */
async function fail(key: string, acts: Acts = { finish: ['permanent'] }, words?: string[]): Promise<void> {
  await runTo(key, acts, words);
  expect(await lab.record(staged, key)).toMatchObject({ state: 'dead' });
  await lab.advance(120);
}

async function runsOf(key: string, stage: string): Promise<number> {
  const { Item } = await lab.dynamo.send(
    new GetCommand({
      TableName: tableName(STAGE, 'stock'),
      Key: { sku: `stage:${key}:${stage}` },
      ConsistentRead: true,
    }),
  );
  return (Item?.available as number | undefined) ?? 0;
}

describe('honest-jobs status of a staged job', () => {
  it('tells each stage in order, what failed and where its log is, and what share is done', async () => {
    await runTo('told', { finish: ['throw', 'permanent'] });
    const { code, stdout } = await run('status', 'staged#told');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      / {2}execution arn:aws:states:\S+:execution:honest-jobs-dev-staged:[0-9a-f]{40}-1\n/,
    );
    const [, stages = ''] = stdout.split('\n  stages ');
    expect(stages.split('\n').map((line) => line.replaceAll(/2\d{3}-\S+Z/g, 'T'))).toEqual([
      '(80 % of the whole done)',
      expect.stringMatching(/^ {4}collect: done T \([\d.]+ m?s\)$/),
      expect.stringMatching(/^ {4}shout: 2 of 2 done, T \([\d.]+ m?s\)$/),
      expect.stringMatching(/^ {4}count: done T /),
      expect.stringMatching(/^ {4}join: done T /),
      '    finish: FAILED; its last run began T; 2 failed runs, the last T',
      '      HOPELESS: cannot ever work',
      expect.stringMatching(/^ {6}log group \/aws\/lambda\/hj-dev-staged-finish, request [0-9a-f-]{36}$/),
      '',
    ]);
    expect(stdout).not.toContain('UNCERTAIN');
  });

  it('tells a stage that waits for its retry, and a cancelled job’s as stopped', async () => {
    await lab.publish(staged, { key: 'stopped', words: ['hello'], acts: { join: ['throw'] } });
    await lab.settle();
    const waiting = (await run('status', 'staged#stopped')).stdout;
    expect(waiting).toMatch(/status {4}started 2\S+Z: its execution carries it\n/);
    expect(waiting).toMatch(
      / {4}join: waiting for its retry; its last run began 2\S+Z; 1 failed run, the last 2/,
    );
    const cancelled = await run('cancel', 'staged#stopped', '--yes');
    expect(cancelled).toMatchObject({ code: 0 });
    expect(cancelled.stdout).toContain('its execution was stopped: it ends as cancelled within seconds');
    await lab.settle();
    const { stdout } = await run('status', 'staged#stopped');
    expect(stdout).toMatch(/status {4}cancelled 2/);
    expect(stdout).toMatch(/ {4}join: stopped: its last run began/);
  });
});

describe('honest-jobs cancel of a staged job', () => {
  it('ends it as a dead letter where an inner step of it is uncertain, and shows which', async () => {
    await lab.publish(staged, { key: 'unsure', words: ['hello'], acts: { join: ['hang-in-step'] } });
    await lab.until(async () => {
      const steps = await lab.lookup.steps({ pk: 'staged#unsure' });
      const isStarted = (await lab.record(staged, 'unsure'))?.state === 'started';
      return isStarted && steps.some(({ sk }) => sk === 'step#stage/join/call');
    });
    expect((await run('cancel', 'staged#unsure', '--yes')).code).toBe(0);
    await lab.drain();
    // Until then the run that hangs in it may be under way.
    await lab.advance(120);
    const { stdout } = await run('status', 'staged#unsure');
    expect(stdout).toMatch(/dead-lettered 2\S+Z because CANCELLED_UNCERTAIN/);
    expect(stdout).toMatch(/ {4}stage\/join\/call: UNCERTAIN: begun 2/);
    expect(stdout.match(/UNCERTAIN/g)).toHaveLength(2);
  });
});

describe('honest-jobs stages resume', () => {
  it('lets the execution of a job go on at the stage that failed, and says so', async () => {
    await fail('one');
    const { code, stdout } = await run('stages', 'resume', 'staged#one', '--yes');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^account \d{12}, region \S+, stage "dev"\nresumes staged#one: it is dead-lettered 2\S+Z because STAGE_FAILED/,
    );
    expect(stdout).toContain(
      'its execution goes on at the stage that failed; finished stages are not run again',
    );
    await lab.drain();
    expect(await lab.record(staged, 'one')).toMatchObject({ state: 'completed', life: 2, redriveCount: 1 });
    expect([await runsOf('one', 'collect'), await runsOf('one', 'finish')]).toEqual([1, 2]);
  });

  it('leaves a letter behind whose redrive changes nothing', async () => {
    await fail('letter');
    await run('stages', 'resume', 'staged#letter', '--yes');
    await lab.drain();
    expect(await lab.deadLetterOf(staged, 'letter')).toMatchObject({
      reason: {
        code: 'STAGE_FAILED',
        message: expect.stringMatching(
          /^Given up on in life 1: .* The job has gone on since, and is completed\. Redriving this letter is harmless\.$/,
        ),
      },
    });
    await lab.redrive(staged);
    await lab.drain();
    expect(await lab.deadLetterOf(staged, 'letter')).toBeUndefined();
    expect(await lab.record(staged, 'letter')).toMatchObject({ state: 'completed', life: 2 });
    expect(await runsOf('letter', 'finish')).toBe(2);
  });

  it('starts a new execution that skips what finished where Step Functions no longer can, and says so', async () => {
    await fail('old', { join: ['permanent'] });
    await lab.advance(14 * DAY_SECONDS);
    const { code, stdout } = await run('stages', 'resume', 'id-old', '--yes');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /a new execution is started, which skips the finished stages: Step Functions can no longer resume the old one \(Execution redrivable period exceeded/,
    );
    await lab.drain();
    const record = await lab.record(staged, 'old');
    expect(record).toMatchObject({ state: 'completed', life: 2, redriveCount: 0 });
    expect(record?.executionArn).toMatch(/-2$/);
    expect([await runsOf('old', 'collect'), await runsOf('old', 'join')]).toEqual([1, 2]);
  });

  it('sends a message again that was too large for the execution', async () => {
    const words = Array.from({ length: 40 }, (_, index) => String(index).padEnd(4000, 'x'));
    await fail('large', { finish: ['permanent'] }, words);
    expect((await run('stages', 'resume', 'staged#large', '--yes')).code).toBe(0);
    await lab.drain();
    expect(await lab.record(staged, 'large')).toMatchObject({ state: 'completed', life: 2 });
    expect(await runsOf('large', 'finish')).toBe(2);
  });

  it('says what a job is that cannot be resumed, and changes nothing', async () => {
    await runTo('well', {});
    const before = await lab.record(staged, 'well');
    const well = await run('stages', 'resume', 'staged#well', '--yes');
    expect(well).toMatchObject({ code: 1, stdout: '' });
    expect(well.stderr).toBe(
      'staged#well is completed: only a staged job that was dead-lettered is resumed.\n',
    );
    expect(await lab.record(staged, 'well')).toEqual(before);
    const cancelled = await run('stages', 'resume', 'staged#unsure', '--yes');
    expect(cancelled).toMatchObject({
      code: 1,
      stderr: 'staged#unsure was cancelled: nothing resumes it.\n',
    });
    await runTo('fresh', { finish: ['permanent'] });
    expect((await run('stages', 'resume', 'staged#fresh', '--yes')).stderr).toMatch(
      /^staged#fresh has just failed, .* try again in \d+ s\.\n$/,
    );
    const none = await run('stages', 'resume', 'staged#none', '--yes');
    expect(none.code).toBe(1);
    expect(none.stdout).toContain('has no record of "staged#none"');
  });

  it('asks at a terminal, refuses without one, and sends nothing without a yes', async () => {
    await fail('asked');
    const no = await commands.atTerminal('n', 'stages', 'resume', 'staged#asked');
    expect(no).toMatchObject({ code: 1, asked: ['Go on? (y/N) '] });
    const refused = await run('stages', 'resume', 'staged#asked');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('Repeat the command with --yes');
    await lab.drain();
    expect(await lab.record(staged, 'asked')).toMatchObject({ state: 'dead', life: 1 });
  });
});

describe('honest-jobs stages resume of a type', () => {
  it('resumes those that failed in a time window at a chosen rate, counted by error first', async () => {
    await fail('before');
    await lab.advance(3600);
    for (const key of ['in-1', 'in-2', 'in-3']) await fail(key);
    await fail('in-4', { finish: ['throw', 'throw', 'throw'] });
    await fail('resumed-already');
    await run('stages', 'resume', 'staged#resumed-already', '--yes');
    await lab.drain();
    await fail('resumed-and-failed', { finish: ['permanent', 'permanent'] });
    await lab.advance(1800);
    await fail('after');
    const window = ['--since', '70m', '--until', '20m', '--rate', '4'];

    const refused = await run('stages', 'resume', 'staged', ...window);
    expect(refused.code).toBe(2);
    expect(refused.stdout).toMatch(
      /^account \d{12}, region \S+, stage "dev"\nresumes 5 jobs of staged whose executions failed from 2\S+Z to 2\S+Z, 4 a second\n/,
    );
    expect(refused.stdout).toMatch(
      / {6}4 {2}STAGE_FAILED, PermanentError: Stage "finish" failed for good: HOPELESS: cannot ever work\n {6}1 {2}STAGE_FAILED, Error: Stage "finish" failed/,
    );
    expect(refused.stdout).toContain('  5 go on in their executions, at the stage that failed');

    const beganMs = performance.now();
    const { code, stdout } = await run('stages', 'resume', 'staged', ...window, '--yes');
    expect(performance.now() - beganMs).toBeGreaterThan(1000);
    expect(code).toBe(0);
    expect(stdout).toContain('Sent 5: they begin new lives.');
    await lab.drain();
    for (const key of ['in-1', 'in-2', 'in-3', 'in-4'])
      expect(await lab.record(staged, key)).toMatchObject({ state: 'completed', life: 2 });
    for (const key of ['before', 'after'])
      expect(await lab.record(staged, key)).toMatchObject({ state: 'dead', life: 1 });
    expect(await lab.record(staged, 'resumed-and-failed')).toMatchObject({ state: 'dead', life: 2 });
  });

  it('tells which will be started anew, and which are left out and why', async () => {
    await lab.advance(30 * DAY_SECONDS);
    await fail('older');
    await lab.advance(14 * DAY_SECONDS);
    await fail('newer');
    await runTo('just-now', { finish: ['permanent'] });
    const { code, stdout } = await run('stages', 'resume', 'staged', '--since', '20d', '--yes');
    expect(code).toBe(0);
    expect(stdout).toContain('  1 go on in their executions, at the stage that failed');
    expect(stdout).toMatch(
      / {2}1 are started anew and skip the finished stages, since Step Functions can no longer resume them \(Execution redrivable/,
    );
    expect(stdout).toMatch(/ {2}1 others are left out:\n {4}staged#just-now has just failed/);
    await lab.drain();
    for (const [key, redriveCount] of [
      ['older', 0],
      ['newer', 1],
    ] as const)
      expect(await lab.record(staged, key)).toMatchObject({ state: 'completed', life: 2, redriveCount });
    expect(await lab.record(staged, 'just-now')).toMatchObject({ state: 'dead', life: 1 });
  });

  it('says that there is nothing to resume', async () => {
    await lab.advance(3600);
    const { code, stdout } = await run('stages', 'resume', 'staged', '--since', '30m');
    expect(code).toBe(0);
    expect(stdout).toContain('resumes 0 jobs of staged');
  });

  it.each([
    [['stages', 'restart', 'staged'], '"stages" knows "resume", not "restart"'],
    [['stages', 'resume', 'send-email', '--since', '2h'], '"send-email" has no stages'],
    [['stages', 'resume', 'staged', '--since', 'today'], '--since is "today"; give how long ago'],
    [['stages', 'resume', 'staged', '--since', '1h', '--until', '2h'], '--until is as long ago as --since'],
    [['stages', 'resume', 'staged', '--since', '1h', '--rate', '0'], '--rate is "0"; give jobs a second'],
    [['stages', 'resume', 'staged#x', '--rate', '5'], 'give --since, too'],
    [['status', 'staged#x', '--since', '1h'], '"status" has no option --since'],
  ])('refuses %j with a sentence and exit code 2', async (args, message) => {
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });
});
