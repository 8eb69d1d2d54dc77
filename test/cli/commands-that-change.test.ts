import { SQSClient } from '@aws-sdk/client-sqs';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { redriveProgress, startRedrive } from '../../shared/client/redrive.ts';
import { tableName } from '../../shared/jobs/names.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import type { Lab } from '../lab/lab.ts';
import { CommandLab, payment } from './command-lab.ts';

let commands: CommandLab;
let lab: Lab;
beforeAll(async () => {
  commands = await CommandLab.start(inject('assembly'));
  lab = commands.lab;
});
afterAll(() => commands.stop());

describe('honest-jobs cancel', () => {
  it('keeps a job from running whose message has not come yet', async () => {
    const { code, stdout } = await commands.run('cancel', 'process-payment#tx-never', '--yes');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^account \d{12}, region \S+, stage "dev"\ncancels process-payment#tx-never: it has no/,
    );
    expect(stdout).toContain('Cancelled before it ran');
    await lab.publish(JOBS.processPayment, { ...payment, transactionId: 'tx-never' }, { id: 'job-never' });
    await lab.drain();
    const told = (await commands.run('status', 'process-payment#tx-never')).stdout;
    expect(told).toMatch(/cancelled 2\S+Z\n/);
    expect(told).toContain('not known: it was cancelled before its message was met');
    const byId = (await commands.run('status', 'job-never')).stdout;
    expect(byId).toMatch(/id {8}job-never\n {2}status {4}cancelled 2/);
    expect(byId).not.toContain('duplicate');
    expect((await commands.run('cancel', 'process-payment#tx-never', '--yes')).stdout).toContain(
      'It was cancelled before',
    );
  });

  it('is too late for a job that has ended, and exits 1', async () => {
    const completed = await commands.run('cancel', 'job-good', '--yes');
    expect(completed.code).toBe(1);
    expect(completed.stdout).toMatch(/Too late, nothing was changed: it is completed 2/);
    const dead = await commands.run('cancel', 'process-payment#tx-dead', '--yes');
    expect(dead.code).toBe(1);
    expect(dead.stdout).toContain('It runs again only if its dead letter is redriven.');
  });

  it('says that an id leads nowhere before the first attempt', async () => {
    const { code, stdout } = await commands.run('cancel', 'job-none', '--yes');
    expect(code).toBe(1);
    expect(stdout).toContain('Cancel it as TYPE#KEY, which works before that, too.');
  });

  it('says that there is no such type, where what stands before the key is none and nobody has that id', async () => {
    for (const args of [
      ['cancel', 'send-emial#k1', '--yes'],
      ['status', 'send-emial#k1'],
      ['stages', 'resume', 'send-emial#k1', '--yes'],
    ]) {
      const { code, stderr } = await commands.run(...args);
      expect(code).toBe(2);
      expect(stderr).toContain('there is no job type "send-emial"; there are send-email, ');
    }
  });

  it('takes an id for one that has a # in it, and says so where its type is gone', async () => {
    await lab.publish(JOBS.processPayment, { ...payment, transactionId: 'tx-hash' }, { id: 'shop#1' });
    await lab.drain();
    expect((await commands.run('status', 'shop#1')).stdout).toContain('process-payment#tx-hash');
    const record = await lab.record(JOBS.processPayment, 'tx-hash');
    const Item = { ...record, pk: 'send-fax#1', jobId: 'fax#1' };
    await lab.dynamo.send(new PutCommand({ TableName: tableName(STAGE, 'jobs'), Item }));
    const { code, stdout } = await commands.run('cancel', 'fax#1', '--yes');
    expect(code).toBe(1);
    expect(stdout).toContain(
      '"fax#1" is the id of send-fax#1, whose type is none of those that there are here',
    );
  });

  it('asks for the key where an id is that of two jobs', async () => {
    for (const transactionId of ['tx-same-1', 'tx-same-2'])
      await lab.publish(JOBS.processPayment, { ...payment, transactionId }, { id: 'job-same' });
    await lab.drain();
    const { code, stderr } = await commands.run('cancel', 'job-same', '--yes');
    expect(code).toBe(2);
    expect(stderr).toContain('"job-same" is the id of 2 jobs: name one of process-payment#tx-same-');
    expect((await commands.run('status', 'job-same')).stdout.match(/ {2}status /g)).toHaveLength(2);
  });

  it('asks at a terminal, and changes nothing without a yes', async () => {
    const no = await commands.atTerminal('', 'cancel', 'process-payment#tx-asked');
    expect(no).toMatchObject({ code: 1, asked: ['Go on? (y/N) '] });
    expect(no.stdout).toContain('Nothing was changed.');
    expect(await lab.record(JOBS.processPayment, 'tx-asked')).toBeUndefined();
    expect(await commands.atTerminal('y', 'cancel', 'process-payment#tx-asked')).toMatchObject({ code: 0 });
    expect(await lab.record(JOBS.processPayment, 'tx-asked')).toMatchObject({ state: 'cancelled' });
  });
});

describe('honest-jobs resolve and redrive', () => {
  it('bring a dead job with an uncertain step to its end', async () => {
    await commands.dieFor('tx-mend', 'acc-late', 'job-mend');
    await commands.leaveUncertain('tx-mend');
    expect((await commands.run('status', 'job-mend')).stdout).toMatch(/call: UNCERTAIN: begun 2\S+Z/);
    const resolved = await commands.run(
      ...['resolve', 'process-payment#tx-mend', 'call', 'done', '--result', '{"id":7}', '--yes'],
    );
    expect(resolved.code).toBe(0);
    expect(resolved.stdout).toMatch(/^account \d{12}, region \S+, stage "dev"\n/);
    expect(resolved.stdout).toContain('as done, with the result {"id":7}: it will not run again');
    expect(resolved.stdout).toContain('npx honest-jobs redrive process-payment');
    expect((await commands.run('status', 'job-mend')).stdout).toMatch(/call: done 2\S+Z, result \{"id":7\}/);

    await commands.openAccount('acc-late');
    await commands.openAccount('acc-none');
    const redriven = await commands.run('redrive', 'process-payment', '--yes');
    expect(redriven.code).toBe(0);
    expect(redriven.stdout).toMatch(/^account \d{12}, region \S+, stage "dev"\nredrives all 3 dead letters/);
    expect(redriven.stdout).toMatch(/ {6}2 {2}UNKNOWN_ACCOUNT, for one: There is no account/);
    expect(redriven.stdout).toMatch(/ {6}1 {2}NOT_JSON: /);
    expect(redriven.stdout).toContain('COMPLETED: 3 moved');
    await lab.drain();
    const told = (await commands.run('status', 'job-mend')).stdout;
    expect(told).toMatch(/status {4}completed/);
    expect(told).toMatch(/life {6}2, since 2\S+Z\n {12}life 1 ended 2\S+Z because UNKNOWN_ACCOUNT/);
  });

  it('tell a redrive’s own end, not that of the one before it', async () => {
    const [former, own] = [1, 2].map((at) => ({ Status: 'COMPLETED', StartedTimestamp: at }));
    let calls = 0;
    const sqs = new SQSClient({ region: lab.cloud.region, endpoint: lab.cloud.endpoint });
    sqs.middlewareStack.add(
      () => async () => ({
        response: {},
        output: { $metadata: {}, Results: ++calls < 4 ? [former] : [own, former] },
      }),
      { step: 'initialize' },
    );
    const queue = { arn: 'arn:aws:sqs:us-east-1:000000000000:dead' };
    const redrive = await startRedrive(queue, sqs);
    expect(await redriveProgress(queue, redrive, sqs)).toBeUndefined();
    expect(await redriveProgress(queue, redrive, sqs)).toMatchObject({ state: 'COMPLETED' });
    sqs.destroy();
  });

  it('say that there is nothing to redrive', async () => {
    const { code, stdout } = await commands.run('redrive', 'place-order', '--yes');
    expect(code).toBe(0);
    expect(stdout).toContain('No dead letter of place-order can be redriven.');
  });

  it('say what is wrong with a step', async () => {
    const { code, stderr } = await commands.run(
      'resolve',
      'process-payment#tx-good',
      'nope',
      'done',
      '--yes',
    );
    expect(code).toBe(1);
    expect(stderr).toContain('process-payment#tx-good has begun no step "nope"; it has begun none.');
  });

  it('ask at a terminal before a redrive, and move nothing without a yes', async () => {
    await commands.dieFor('tx-left', 'acc-nowhere', 'job-left');
    const { code, stdout } = await commands.atTerminal('n', 'redrive', 'process-payment');
    expect(code).toBe(1);
    expect(stdout).toContain('Nothing was changed.');
    expect(await lab.deadLetterOf(JOBS.processPayment, 'tx-left')).toBeDefined();
  });
});

describe('honest-jobs discard', () => {
  it('deletes one letter, after it has shown it, and leaves the others visible', async () => {
    for (const body of ['not this', 'nor that', 'but this']) await lab.send(JOBS.placeOrder, body);
    await lab.drain();
    const letters = await lab.deadLetters(JOBS.placeOrder);
    const messageId = letters.find(({ body }) => body === 'but this')?.messageId ?? '';
    expect((await commands.run('dead', 'place-order')).stdout).toContain(
      `no job, message ${messageId}, sent 2`,
    );
    const asked = await commands.atTerminal('n', 'discard', 'place-order', messageId);
    expect(asked).toMatchObject({ code: 1 });
    expect(asked.stdout).toMatch(
      /deletes for good .*\n {2}NOT_JSON: .*\n {2}its body of 8 bytes .*\nNothing was changed\./,
    );
    const whole = await commands.atTerminal('n', 'discard', 'place-order', messageId, '--all');
    expect(whole.stdout).toContain('\n  but this\nNothing was changed.');
    expect(await lab.deadLetters(JOBS.placeOrder)).toHaveLength(3);

    const { code, stdout } = await commands.run('discard', 'place-order', messageId, '--yes');
    expect(code).toBe(0);
    expect(stdout).toContain('Deleted.');
    const left = (await lab.deadLetters(JOBS.placeOrder)).map(({ body }) => body);
    expect(left.sort()).toEqual(['nor that', 'not this']);
    const again = await commands.run('discard', 'place-order', messageId, '--yes');
    expect(again.code).toBe(1);
    expect(again.stdout).toContain('Nothing was deleted.');
  });
});

describe('every command that changes something', () => {
  it.each([
    [['cancel', 'process-payment#tx-no-terminal']],
    [['resolve', 'process-payment#tx-no-terminal', 'call', 'not-done']],
    [['redrive', 'process-payment']],
  ])('shows what %j would do, and refuses without a terminal or --yes', async (args) => {
    await commands.dieFor('tx-no-terminal', 'acc-nowhere', 'job-no-terminal');
    await commands.leaveUncertain('tx-no-terminal');
    const before = await lab.record(JOBS.processPayment, 'tx-no-terminal');
    const { code, stdout, stderr } = await commands.run(...args);
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
