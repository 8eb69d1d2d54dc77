import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { SentEvents } from '../../../functions/send-email/sent-events.ts';
import {
  type EmailEventType,
  emailEventExpiration,
  emailEventSortKey,
  notificationTag,
} from '../../../shared/jobs/email-event.ts';
import { EMAIL_EVENTS, tableName } from '../../../shared/jobs/names.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';

const BEGUN_AT_MS = Date.UTC(2026, 10, 25, 10);
const MINUTE_MS = 60_000;

let lab: Lab;
let events: SentEvents;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
  events = new SentEvents(lab.dynamo, tableName(STAGE, EMAIL_EVENTS));
});
afterAll(() => lab.stop());

type Event = readonly [type: EmailEventType, sesMessageId: string, afterMs?: number];

/** What is told of a notification with these events, each mail having been sent so long after the step began. */
async function told(...given: readonly Event[]) {
  const id = `told:${crypto.randomUUID()}`;
  for (const [type, sesMessageId, afterMs = 0] of given) {
    const sentAtMs = BEGUN_AT_MS + afterMs;
    const Item = {
      notification: notificationTag(id),
      event: emailEventSortKey(type, sesMessageId),
      type,
      sesMessageId,
      sentAtMs,
      expiration: emailEventExpiration(sentAtMs),
    };
    await lab.dynamo.send(new PutCommand({ TableName: tableName(STAGE, EMAIL_EVENTS), Item }));
  }
  return events.of(id, BEGUN_AT_MS);
}

describe("SES's events", () => {
  it.each<EmailEventType>(['SEND', 'DELIVERY', 'BOUNCE', 'COMPLAINT'])(
    'tell by a %s alone that the mail was taken',
    async (type) => {
      expect(await told([type, 'ses-1'])).toEqual({ mail: 'taken', sesMessageId: 'ses-1' });
    },
  );

  it.each<EmailEventType>(['REJECT', 'RENDERING_FAILURE'])(
    'tell by a %s that it was not sent',
    async (type) => {
      expect(await told([type, 'ses-1'])).toEqual({
        mail: 'refused',
        sesMessageId: 'ses-1',
        reason: `${type}: no reason given`,
      });
    },
  );

  it('tell nothing where there are none', async () => {
    expect(await told()).toEqual({ mail: 'unknown' });
  });

  it('count a refusal against the SEND of the same mail, and not against another mail', async () => {
    expect(await told(['SEND', 'ses-1'], ['REJECT', 'ses-1'])).toMatchObject({ mail: 'refused' });
    expect(await told(['REJECT', 'ses-1'], ['SEND', 'ses-2'])).toEqual({
      mail: 'taken',
      sesMessageId: 'ses-2',
    });
  });

  it('count a refusal of an earlier send for nothing, but for clocks that are a minute apart', async () => {
    expect(await told(['REJECT', 'ses-1', -2 * MINUTE_MS])).toEqual({ mail: 'unknown' });
    expect(await told(['REJECT', 'ses-1', -MINUTE_MS / 2])).toMatchObject({ mail: 'refused' });
  });
});
