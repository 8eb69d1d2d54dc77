import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SendTaskSuccessCommand } from '@aws-sdk/client-sfn';
import { afterEach, describe, expect, it } from 'vitest';
import { probe, row, START_MS, StatesLab } from './states-lab.ts';
import { THREE_TASKS } from './three-tasks.ts';

const HOUR = 3600;
const opened: StatesLab[] = [];

/** The same state, an hour later. */
async function open(
  machines: Record<string, object>,
  dataDirectory: string,
  hours = 0,
  options: object = {},
) {
  const lab = await StatesLab.open(machines, {
    dataDirectory,
    startMs: START_MS + hours * HOUR * 1000,
    ...options,
  });
  opened.push(lab);
  return lab;
}

const newDirectory = () => mkdtempSync(join(tmpdir(), 'state-'));

afterEach(async () => {
  for (const lab of opened.splice(0)) await lab[Symbol.asyncDispose]();
});

async function stop(lab: StatesLab): Promise<void> {
  opened.splice(opened.indexOf(lab), 1);
  await lab[Symbol.asyncDispose]();
}

describe('after a restart', () => {
  it('a wait ends at its time, or at once where that has passed', async () => {
    const machine = row({ Wait: { Type: 'Wait', SecondsPath: '$.seconds' }, Done: { Type: 'Pass' } });
    const directory = newDirectory();
    const first = await open({ machine }, directory);
    const short = await first.start('machine', { seconds: 60 });
    const long = await first.start('machine', { seconds: 2 * HOUR });
    await first.settle();
    await stop(first);
    const second = await open({ machine }, directory, 1);
    await second.settle();
    expect((await second.result(short)).status).toBe('SUCCEEDED');
    expect((await second.result(long)).status).toBe('RUNNING');
    await second.drain();
    const { status, seconds } = await second.result(long);
    expect(status).toBe('SUCCEEDED');
    expect(seconds).toBeCloseTo(2 * HOUR, -1);
  });

  it('an invocation that was under way is a failed task, tried again as Retry says', async () => {
    const Retry = [{ ErrorEquals: ['Lambda.Unknown'], IntervalSeconds: 1 }];
    const machine = row({ Work: probe({ do: 'sleep', ms: 20_000 }, { Retry, TimeoutSeconds: 3600 }) });
    const directory = newDirectory();
    const first = await open({ machine }, directory);
    const executionArn = await first.start('machine');
    await first.untilWorking();
    await stop(first);
    const second = await open({ machine }, directory, 0.5);
    await second.until(async () => (await second.types(executionArn)).includes('TaskFailed'));
    const failed = (await second.history(executionArn)).find(({ type }) => type === 'TaskFailed');
    expect(failed?.taskFailedEventDetails).toMatchObject({ error: 'Lambda.Unknown', resource: 'invoke' });
    await second.cloud.clock.advance(2000);
    await second.untilWorking();
    const started = (await second.types(executionArn)).filter((type) => type === 'TaskStarted');
    expect(started).toHaveLength(2);
  });

  it('that a SIGKILL made necessary, what was finished is not run again, and what was under way is tried again', async () => {
    const directory = newDirectory();
    const program = fileURLToPath(new URL('killed-cloud.ts', import.meta.url));
    const child = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const second = await open({ machine: THREE_TASKS }, directory, 1);
    await second.drain();
    const executionArn = `${second.arn('machine').replace('stateMachine', 'execution')}:killed`;
    expect((await second.result(executionArn)).status).toBe('SUCCEEDED');
    const events = await second.history(executionArn);
    const failed = events.flatMap(({ taskFailedEventDetails }) => taskFailedEventDetails?.error ?? []);
    expect(failed).toEqual(['Lambda.Unknown']);
    expect(events.filter(({ type }) => type === 'TaskStarted')).toHaveLength(4);
    expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
  });

  it('an invocation that ends within the grace of the stop is not run again', async () => {
    const machine = row({ Work: probe({ do: 'sleep', ms: 500 }), After: probe({ do: 'echo' }) });
    const directory = newDirectory();
    const first = await open({ machine }, directory);
    const executionArn = await first.start('machine');
    await first.untilWorking();
    await stop(first);
    const second = await open({ machine }, directory, 1);
    await second.drain();
    expect((await second.result(executionArn)).status).toBe('SUCCEEDED');
    const types = await second.types(executionArn);
    expect(types).not.toContain('TaskFailed');
    expect(types.filter((type) => type === 'TaskStarted')).toHaveLength(2);
  });

  it('iterations of a Map state go on where they were, and tokens are known', async () => {
    const machine = row({
      Each: {
        Type: 'Map',
        ItemProcessor: row({
          Ask: {
            Type: 'Task',
            Resource: 'arn:aws:states:::sqs:sendMessage.waitForTaskToken',
            Parameters: {
              QueueUrl: 'http://localhost/000000000000/queue',
              MessageBody: { 'token.$': '$$.Task.Token', 'item.$': '$$.Map.Item.Value' },
            },
          },
        }),
      },
    });
    const directory = newDirectory();
    const options = { actions: ['sqs:SendMessage'] };
    const first = await open({ machine }, directory, 0, options);
    const executionArn = await first.start('machine', ['a', 'b']);
    await first.settle();
    const messages = await first.cloud.sqs.receive(first.cloud.sqs.arnOf('queue'));
    await stop(first);
    const second = await open({ machine }, directory, 1, options);
    for (const { body } of messages) {
      const { token, item } = JSON.parse(body) as { token: string; item: string };
      await second.client.send(
        new SendTaskSuccessCommand({ taskToken: token, output: JSON.stringify(`${item} done`) }),
      );
    }
    await second.settle();
    expect((await second.result(executionArn)).output).toEqual(['a done', 'b done']);
  });

  it('with another template, executions that run stay on the definition that they started with', async () => {
    const version = (result: string) =>
      row({ Wait: { Type: 'Wait', Seconds: HOUR }, Done: { Type: 'Pass', Result: result } });
    const directory = newDirectory();
    const first = await open({ machine: version('old') }, directory);
    const before = await first.start('machine');
    await first.settle();
    await stop(first);
    const second = await open({ machine: version('new') }, directory, 0.5);
    const after = await second.start('machine');
    await second.drain();
    expect((await second.result(before)).output).toBe('old');
    expect((await second.result(after)).output).toBe('new');
  });
});

describe('a run from the same seed', () => {
  it('has the same history', async () => {
    const machine = row({
      Each: {
        Type: 'Map',
        ItemProcessor: row({
          Draw: {
            Type: 'Pass',
            Parameters: { 'n.$': 'States.MathRandom(0, 1000000)', 'id.$': 'States.UUID()' },
          },
          Wait: { Type: 'Wait', Seconds: 5 },
        }),
      },
    });
    const histories: unknown[] = [];
    for (let time = 0; time < 2; time++) {
      await using lab = await StatesLab.open({ machine }, { seed: 42 });
      const executionArn = await lab.start('machine', [1, 2, 3], 'same');
      await lab.drain();
      histories.push((await lab.history(executionArn)).map(({ timestamp: _, ...event }) => event));
    }
    expect(histories[0]).toEqual(histories[1]);
  });
});
