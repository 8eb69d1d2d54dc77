import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { StartMessageMoveTaskCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqs, pairOf, serveSqs } from './sqs-lab.ts';

describe('SQS state on disk', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'sqs-state-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('keeps queues, messages, receive counts and receipt handles over a restart', async () => {
    let handle = '';
    {
      await using lab = openSqs(directory);
      const { live } = pairOf(lab, 5);
      for (const body of ['one', 'two']) lab.sqs.send(live, { MessageBody: body });
      lab.sqs.send(live, { MessageBody: 'later', DelaySeconds: 900 });
      const [message] = await lab.sqs.receive(live, { maxMessages: 1 });
      handle = message?.receiptHandle ?? '';
    }
    await using lab = openSqs(directory);
    const live = lab.sqs.arnOf('live');
    expect(lab.sqs.list()).toEqual([lab.sqs.arnOf('dead'), live]);
    expect(lab.sqs.attributes(live)).toMatchObject({ redrivePolicy: { maxReceiveCount: 5 } });
    expect(lab.sqs.counts(live)).toMatchObject({ visible: 1, notVisible: 1, delayed: 1 });
    lab.sqs.changeVisibility(live, handle, 0);
    const received = await lab.sqs.receive(live);
    expect(received.map(({ body, attributes }) => [body, attributes.ApproximateReceiveCount]).sort()).toEqual(
      [
        ['one', '2'],
        ['two', '1'],
      ],
    );
  });

  it('never fits an old receipt handle to a new message, also when all messages were deleted between', async () => {
    let stale = '';
    {
      await using lab = openSqs(directory);
      const { live } = pairOf(lab, 5);
      lab.sqs.send(live, { MessageBody: 'old' });
      stale = (await lab.sqs.receive(live))[0]?.receiptHandle ?? '';
      lab.sqs.deleteMessages(live, [stale]);
    }
    await using lab = openSqs(directory);
    const live = lab.sqs.arnOf('live');
    lab.sqs.send(live, { MessageBody: 'new' });
    await lab.sqs.receive(live);
    lab.sqs.deleteMessages(live, [stale]);
    expect(lab.sqs.counts(live).notVisible).toBe(1);
  });

  it('goes on with a message-move task', async () => {
    {
      await using lab = openSqs(directory);
      await using served = await serveSqs(lab);
      const { live, dead } = pairOf(lab, 1);
      for (const body of ['one', 'two', 'three']) lab.sqs.send(live, { MessageBody: body });
      await lab.sqs.receive(live, { visibilityTimeoutSeconds: 0 });
      await lab.sqs.receive(live);
      expect(lab.sqs.counts(dead).visible).toBe(3);
      await served.client.send(
        new StartMessageMoveTaskCommand({ SourceArn: dead, MaxNumberOfMessagesPerSecond: 1 }),
      );
      await lab.clock.advance(1000);
    }
    await using lab = openSqs(directory);
    expect(lab.sqs.counts(lab.sqs.arnOf('dead')).visible).toBe(2);
    await lab.clock.advance(3000);
    expect(lab.sqs.counts(lab.sqs.arnOf('dead')).visible).toBe(0);
    expect(lab.sqs.counts(lab.sqs.arnOf('live')).visible).toBe(3);
  });

  it('holds every message whose sending was answered before the process was killed', async () => {
    const lab = join(import.meta.dirname, 'sqs-lab.ts');
    const sender = spawn(
      process.execPath,
      [
        '--input-type=module',
        '--eval',
        `import { openSqs } from ${JSON.stringify(lab)};
         const { sqs } = openSqs(${JSON.stringify(directory)});
         sqs.createQueue('jobs');
         const again = () => {
           process.stdout.write(sqs.send(sqs.arnOf('jobs'), { MessageBody: 'x' }) + '\\n');
           setImmediate(again);
         };
         again();`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const answered: string[] = [];
    for await (const id of createInterface({ input: sender.stdout })) {
      answered.push(id);
      if (answered.length === 200) sender.kill('SIGKILL');
    }
    // The kill may have cut the last line short.
    const whole = answered.filter((id) => id.length === 36);
    await using reopened = openSqs(directory);
    const stored = await reopened.sqs.receive(reopened.sqs.arnOf('jobs'), { maxMessages: 100_000 });
    const storedIds = new Set(stored.map(({ messageId }) => messageId));
    expect(whole.length).toBeGreaterThanOrEqual(200);
    expect(whole.filter((id) => !storedIds.has(id))).toEqual([]);
  });
});
