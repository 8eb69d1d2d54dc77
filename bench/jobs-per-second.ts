import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand, GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { JobLookup } from '../shared/client/job-lookup.ts';
import { Publisher } from '../shared/client/publisher.ts';
import type { Job } from '../shared/jobs/define-job.ts';
import { queueName } from '../shared/jobs/names.ts';
import type { Target } from './target.ts';

/** Often enough for a hundredth of a second more or less not to matter, seldom enough to take nothing of the cloud's time. */
const LOOK_EVERY_MS = 25;

/**
 * Publishes the payloads, waits until their queue is empty, and then reads every record: a job that did not complete fails the
 * measurement.
 *
 * @returns jobs a second, from the first publish to the last completion
 */
export async function jobsPerSecond<Payload, Input>(
  { sqs, dynamo }: Target,
  stage: string,
  job: Job<Payload, Input>,
  payloads: readonly Input[],
): Promise<number> {
  const queueUrl = await queueUrlOf(sqs, queueName(stage, job.type));
  const publisher = new Publisher({ sqs, source: '/bench', queueUrl: () => queueUrl });
  const publications = payloads.map((payload) => ({ payload, id: crypto.randomUUID() }));
  const startMs = performance.now();
  const { notAccepted } = await publisher.publishMany(job, publications);
  if (notAccepted[0])
    throw new Error(
      `${notAccepted.length} jobs were not accepted, the first since: ${notAccepted[0].message}`,
    );
  await drained(sqs, queueUrl);
  const seconds = (performance.now() - startMs) / 1000;
  const open = new Set<string>(publications.map(({ id }) => id));
  for await (const { jobId, state } of new JobLookup(dynamo, stage).all())
    if (state === 'completed') open.delete(jobId);
  if (open.size > 0)
    throw new Error(`${open.size} of ${payloads.length} ${job.type} jobs left the queue without completing.`);
  return payloads.length / seconds;
}

export async function queueUrlOf(sqs: SQSClient, name: string): Promise<string> {
  const { QueueUrl = '' } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
  return QueueUrl;
}

/** Waits until nothing is on the queue any more: not visible, not hidden, not delayed. */
export async function drained(sqs: SQSClient, queueUrl: string): Promise<void> {
  while ((await messagesOn(sqs, queueUrl)) > 0) await sleep(LOOK_EVERY_MS);
}

/** How many: visible, hidden and delayed. */
export async function messagesOn(sqs: SQSClient, QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl,
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
  );
  return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
}
