import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { DeleteCommand, GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { readOpening, seed } from '../../cli/opening.ts';
import { queueName, tableName } from '../../shared/jobs/names.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import { Lab } from '../lab/lab.ts';
import { ABSENT, environmentOf, ROOT, run } from './programs.ts';

const { processPayment } = JOBS;
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const RUNBOOK = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8');

/** The README's blocks of a language. */
function blocksOf(language: string): string[] {
  return [...README.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, code = '']) => code,
  );
}

/** The runbook's commands for a shell: indented lines, with those that a backslash continues. */
const RUNBOOK_COMMANDS = [...RUNBOOK.matchAll(/^ {4,}((?:aws|npx) (?:.*\\\n)*.*)$/gm)].map(
  ([, command = '']) => command,
);

/** Those of the sections on staged jobs. */
const EXECUTION_COMMANDS = RUNBOOK_COMMANDS.filter((command) =>
  /stepfunctions|execution-ends|executions/.test(command),
);

/** What each of the README's shell blocks does, by a word in it. A block that is not here is one that nobody tests. */
const SHELL_BLOCKS = [
  'put-item',
  'send-message',
  'export AWS_ENDPOINT_URL',
  'honest-jobs dead',
  'start-message-move-task',
];

let lab: Lab;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
  await seed(readOpening(), lab.dynamo, STAGE);
  env = environmentOf(lab.cloud);
});
afterAll(() => lab.stop());

const block = (word: string): string => blocksOf('sh').find((code) => code.includes(word)) ?? '';
/** Runs a script after the README's own block that leads to the local cloud; nothing else does. */
const shell = (script: string, more: NodeJS.ProcessEnv = {}): Promise<string> => {
  const led = Object.keys(lab.cloud.environment).map((name) => [name, undefined]);
  const lead = block('export AWS_ENDPOINT_URL').replace(/http:\/\/127\.0\.0\.1:\d+/, lab.cloud.endpoint);
  return run('bash', ['-euo', 'pipefail', '-c', `${lead}\n${script}`], {
    ...env,
    ...Object.fromEntries(led),
    ...more,
  });
};
const oneDeadLetter = async (): Promise<void> => {
  await lab.publish(processPayment, {
    transactionId: crypto.randomUUID(),
    accountId: 'acc-nobody',
    amountMinor: 1,
    currency: 'EUR',
  });
  await lab.drain();
};
describe('the README', () => {
  it('has no block for a shell or for Python that is not run here', () => {
    expect(blocksOf('sh').map((code) => SHELL_BLOCKS.find((word) => code.includes(word)))).toEqual(
      SHELL_BLOCKS,
    );
    expect(blocksOf('python')).toHaveLength(1);
    expect(README).not.toMatch(/^```(?!ts|sh|python|$)/m);
  });

  it.skipIf(ABSENT.awsCli)('opens the account that its payments are booked on', async () => {
    const account = { TableName: tableName(STAGE, 'accounts'), Key: { accountId: 'acc-0001' } };
    await lab.dynamo.send(new DeleteCommand(account));
    await shell(block('put-item'));
    const { Item } = await lab.dynamo.send(new GetCommand(account));
    expect(Item).toEqual(readOpening().accounts.find(({ accountId }) => accountId === 'acc-0001'));
  });

  it.skipIf(ABSENT.awsCli)('publishes with the AWS CLI, in the environment it says', async () => {
    await shell(block('send-message'));
    await lab.drain();
    expect(await lab.record(processPayment, 'tx-1')).toMatchObject({
      state: 'completed',
      jobId: 'payment-1',
    });
  });

  it.skipIf(ABSENT.boto3)('publishes with Python', async () => {
    await run('python3', ['-c', blocksOf('python')[0] ?? ''], env);
    await lab.drain();
    expect(await lab.record(processPayment, 'tx-2')).toMatchObject({ state: 'completed' });
  });

  it('reads the dead letters and the whole story of a job', async () => {
    await lab.publish(processPayment, {
      transactionId: 'tx-1',
      accountId: 'acc-0001',
      amountMinor: 1250,
      currency: 'EUR',
    });
    await oneDeadLetter();
    const printed = await shell(block('honest-jobs dead'));
    expect(printed).toMatch(/\d dead letters? of process-payment in stage "dev"/);
    expect(printed).toContain('UNKNOWN_ACCOUNT');
    expect(printed).toMatch(/process-payment#tx-1\n[\s\S]*status +completed/);
    await lab.advance(10);
  });

  it.skipIf(ABSENT.awsCli)('redrives with the AWS CLI', async () => {
    await oneDeadLetter();
    const before = (await lab.deadLetters(processPayment)).map(({ messageId }) => messageId);
    await shell(block('start-message-move-task'));
    await lab.advance(5);
    await lab.drain();
    const after = await lab.deadLetters(processPayment);
    expect(after).toHaveLength(before.length);
    expect(after.filter(({ messageId }) => before.includes(messageId))).toEqual([]);
  });
});

describe('the runbook', () => {
  beforeAll(async () => {
    await lab.publish(JOBS.sendEmail, {
      notificationId: 'the-key',
      to: 'kim@example.com',
      message: { template: 'welcome', values: { name: 'Kim' } },
    });
    await lab.drain();
  });

  it.skipIf(ABSENT.awsCli)('gives commands that each do what it says', async () => {
    const commands = RUNBOOK_COMMANDS.filter((command) => !EXECUTION_COMMANDS.includes(command));
    expect(commands).toHaveLength(10);
    const printed: string[] = [];
    for (const command of commands) printed.push(await shell(command, { STAGE, TYPE: JOBS.sendEmail.type }));

    const sqs = lab.cloud.sqs;
    expect(printed[0]).toMatch(/send-email#the-key\n[\s\S]*status +completed/);
    expect(printed[1]).toContain('0 dead letters of send-email');
    expect(JSON.parse(printed[2] ?? '')).toMatchObject([['Enabled', expect.anything(), expect.anything()]]);
    expect(JSON.parse(printed[3] ?? '')).toMatchObject({ State: expect.stringMatching(/^Disabl/) });
    expect(JSON.parse(printed[4] ?? '')).toMatchObject({ TaskHandle: expect.any(String) });
    const { Attributes } = await lab.sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: sqs.queueUrl(queueName(STAGE, JOBS.sendEmail.type)),
        AttributeNames: ['MessageRetentionPeriod'],
      }),
    );
    expect(Attributes).toEqual({ MessageRetentionPeriod: '1209600' });
    expect(JSON.parse(printed[5] ?? '')).toMatchObject({ VersionStages: ['AWSCURRENT'] });
    expect(JSON.parse(printed[8] ?? '')).toEqual([]);
    for (const found of [printed[7], printed[9]])
      expect(JSON.parse(found ?? '')).toMatchObject({ Count: 0, Items: [] });
  });

  it.skipIf(ABSENT.awsCli)(
    'gives commands that tell of an execution, and one that tells its end again',
    async () => {
      const { generateReport } = JOBS;
      await lab.publish(generateReport, {
        reportId: 'R-runbook',
        title: 'Runbook',
        period: { from: '2026-01-01', to: '2026-01-02' },
        email: 'kim@example.com',
        assets: [],
      });
      await lab.drain();
      const arn = (await lab.record(generateReport, 'R-runbook'))?.executionArn ?? '';
      const [history = '', described = '', told = '', swept = '', rules = ''] = EXECUTION_COMMANDS;
      const ofExecution = (command: string) => shell(command.replace(/\bARN\b/, arn), { STAGE });
      expect(JSON.parse(await ofExecution(history))).toMatchObject({ events: expect.arrayContaining([]) });
      expect(JSON.parse(await ofExecution(described))).toMatchObject([
        'SUCCEEDED',
        null,
        null,
        expect.anything(),
      ]);
      const folder = mkdtempSync(join(tmpdir(), 'honest-jobs-event-'));
      const event = join(folder, 'event.json');
      const { input } = lab.cloud.states.executions.get(arn) ?? {};
      writeFileSync(event, JSON.stringify({ detail: { executionArn: arn, status: 'SUCCEEDED', input } }));
      const invoked = told.replace('event.json', event).replace('answer.json', join(folder, 'answer.json'));
      expect(await shell(invoked, { STAGE })).toContain('"StatusCode": 200');
      const sweep = swept
        .replace('answer.json', join(folder, 'swept.json'))
        .replace('"ARN"', `"${arn.replace(':execution:', ':stateMachine:').replace(/:[^:]+$/, '')}"`);
      const answered = await shell(sweep, { STAGE });
      expect(answered).toContain('"StatusCode": 200');
      expect(answered).not.toContain('FunctionError');
      expect(JSON.parse(await shell(rules, { STAGE }))).toEqual([
        [expect.any(String), 'ENABLED', expect.stringContaining("generate-report's executions")],
        // The lab lets no schedule run by itself.
        [expect.any(String), 'DISABLED', expect.stringContaining("generate-report's executions")],
      ]);
    },
  );
});
