import { QueryCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { AwsError } from '../../../local/kernel/errors.ts';
import { type EmailEventRecord, notificationTag } from '../../../shared/jobs/email-event.ts';
import { deadLetterQueueName, EMAIL_EVENTS, functionName, tableName } from '../../../shared/jobs/names.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
});
afterAll(() => lab.stop());

/** Publishes to the topic as SES would, and runs everything to its end. */
async function publish(message: string): Promise<void> {
  const topicArn = lab.cloud.sns.topics
    .all()
    .find(({ attributes }) => /e-mail/.test(attributes.DisplayName ?? ''));
  lab.cloud.sns.publish(topicArn?.arn ?? 'no topic', { message });
  await lab.drain();
}

const ofSes = (notification: string, event: object) =>
  JSON.stringify({
    mail: {
      messageId: 'ses-1',
      timestamp: '2026-11-25T10:00:00.000Z',
      tags: { 'ses:configuration-set': ['emails'], notification: [notification] },
    },
    ...event,
  });

async function eventsOf(notification: string): Promise<EmailEventRecord[]> {
  const { Items = [] } = await lab.dynamo.send(
    new QueryCommand({
      TableName: tableName(STAGE, EMAIL_EVENTS),
      KeyConditionExpression: 'notification = :notification',
      ExpressionAttributeValues: { ':notification': notification },
    }),
  );
  return Items as EmailEventRecord[];
}

const notRecorded = () => lab.cloud.sqs.counts(lab.cloud.sqs.arnOf(deadLetterQueueName(STAGE, EMAIL_EVENTS)));

describe("SES's events", () => {
  it('of an e-mail that went well are recorded by its notification, without its address', async () => {
    await lab.publish(JOBS.sendEmail, {
      notificationId: 'well: done',
      to: 'kim@example.com',
      message: { template: 'welcome', values: { name: 'Kim' } },
    });
    await lab.drain();
    const events = await eventsOf(notificationTag('well: done'));
    const [mail] = lab.cloud.ses.sent();
    expect(events.map(({ type, sesMessageId }) => [type, sesMessageId])).toEqual([
      ['DELIVERY', mail?.messageId],
      ['SEND', mail?.messageId],
    ]);
    expect(JSON.stringify(events)).not.toContain('kim@');
  });

  it.each([
    ['Reject', { reject: { reason: 'Bad content' } }, 'REJECT', 'Bad content'],
    [
      'Rendering Failure',
      { failure: { errorMessage: 'no name', templateName: 't' } },
      'RENDERING_FAILURE',
      'no name',
    ],
    [
      'Bounce',
      { bounce: { bounceType: 'Permanent', bounceSubType: 'General', bouncedRecipients: [] } },
      'BOUNCE',
      'Permanent, General',
    ],
    ['Complaint', { complaint: { complaintFeedbackType: 'abuse' } }, 'COMPLAINT', 'abuse'],
    ['Complaint', { complaint: { complaintFeedbackType: null } }, 'COMPLAINT', undefined],
  ])('of the type %s keep the reason: %j', async (eventType, details, type, reason) => {
    const notification = `of-${crypto.randomUUID()}`;
    await publish(ofSes(notification, { eventType, ...details }));
    const [event, ...others] = await eventsOf(notification);
    expect(others).toEqual([]);
    expect(event).toMatchObject({ type, sesMessageId: 'ses-1' });
    expect(event?.reason).toBe(reason);
  });

  it('that come twice leave one item, the same whenever it is written', async () => {
    const event = ofSes('twice', { eventType: 'Send', send: {} });
    await publish(event);
    const first = await eventsOf('twice');
    await lab.advance(3600);
    await publish(event);
    expect(await eventsOf('twice')).toEqual(first);
    expect(first).toHaveLength(1);
  });

  it('are recorded by a later try when the table did not answer', async () => {
    let left = 2;
    const lift = lab.cloud.faults.add((call) =>
      call.functionName === functionName(STAGE, EMAIL_EVENTS) && call.moment === 'before' && left-- > 0
        ? new AwsError('AccessDeniedException', 'not now')
        : undefined,
    );
    await publish(ofSes('later', { eventType: 'Send', send: {} }));
    lift();
    expect(await eventsOf('later')).toHaveLength(1);
    expect(notRecorded().visible).toBe(0);
  });
});

describe('what is no event of an e-mail', () => {
  it.each([
    ['the greeting of SES', 'Successfully validated SNS topic for Amazon SES event publishing.'],
    [
      'an event of a mail that others sent',
      JSON.stringify({
        eventType: 'Send',
        mail: { messageId: 'ses-2', timestamp: '2026-11-25T10:00:00.000Z', tags: { other: ['x'] } },
      }),
    ],
  ])('is let pass: %s', async (_, message) => {
    await publish(message);
    expect(notRecorded().visible).toBe(0);
  });

  it('is kept for a person, who is told', async () => {
    await publish('{"eventType":"Novelty"}');
    expect(notRecorded().visible).toBe(1);
    await lab.advance(120);
    const told = lab.cloud.sns.published().map(({ subject }) => subject ?? '');
    expect(
      told.filter((subject) => subject.startsWith('ALARM: "honest-jobs-dev-email-events-lost-events')),
    ).toHaveLength(1);
  });
});
