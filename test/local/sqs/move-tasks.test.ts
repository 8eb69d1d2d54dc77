import { ListMessageMoveTasksCommand, StartMessageMoveTaskCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { openSqs, pairOf, type SqsLab, serveSqs } from './sqs-lab.ts';

/** Puts a message for each body into the dead-letter queue by way of its source. */
async function deadLetter({ sqs }: SqsLab, live: string, ...bodies: string[]): Promise<void> {
  for (const body of bodies) sqs.send(live, { MessageBody: body });
  while ((await sqs.receive(live, { visibilityTimeoutSeconds: 0 })).length > 0);
}

describe('SQS message-move tasks, where AWS leaves the choice', () => {
  it('leave what arrives after their start, so that a message that fails again ends the task too', async () => {
    await using lab = openSqs();
    await using served = await serveSqs(lab);
    const { live, dead } = pairOf(lab, 1);
    await deadLetter(lab, live, 'one', 'two');
    await served.client.send(
      new StartMessageMoveTaskCommand({ SourceArn: dead, MaxNumberOfMessagesPerSecond: 1 }),
    );
    await deadLetter(lab, live, 'late');
    await lab.clock.advance(4000);
    const { Results } = await served.client.send(new ListMessageMoveTasksCommand({ SourceArn: dead }));
    expect(Results).toMatchObject([{ Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 2 }]);
    expect((await lab.sqs.receive(dead)).map(({ body }) => body)).toEqual(['late']);
  });

  it("send into the destination with the destination's own delay, as any new message", async () => {
    await using lab = openSqs();
    await using served = await serveSqs(lab);
    const { live, dead } = pairOf(lab, 1);
    await deadLetter(lab, live, 'x');
    lab.sqs.createQueue('slow', { DelaySeconds: '900' });
    await served.client.send(
      new StartMessageMoveTaskCommand({ SourceArn: dead, DestinationArn: lab.sqs.arnOf('slow') }),
    );
    await lab.clock.advance(1000);
    expect(lab.sqs.counts(lab.sqs.arnOf('slow'))).toMatchObject({ visible: 0, delayed: 1 });
  });

  it('tell observers of both sides of a move', async () => {
    await using lab = openSqs();
    await using served = await serveSqs(lab);
    const { live, dead } = pairOf(lab, 1);
    await deadLetter(lab, live, 'x');
    const seen: unknown[] = [];
    lab.sqs.observe(({ type, queueArn, targetArn }) => seen.push([type, queueArn, targetArn]));
    await served.client.send(new StartMessageMoveTaskCommand({ SourceArn: dead }));
    await lab.clock.advance(1000);
    expect(seen).toEqual([
      ['redriven', dead, live],
      ['sent', live, undefined],
    ]);
  });
});
