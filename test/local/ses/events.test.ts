import { PutSuppressedDestinationCommand } from '@aws-sdk/client-sesv2';
import { expect, it } from 'vitest';
import { SesLab, temporaryDirectory } from './ses-lab.ts';

const TOPIC = 'arn:aws:sns:eu-west-1:000000000000:events';
const ALL = ['SEND', 'REJECT', 'DELIVERY', 'BOUNCE', 'COMPLAINT', 'RENDERING_FAILURE'];

interface Published {
  readonly eventType: string;
  readonly mail: { readonly messageId: string; readonly tags: Record<string, readonly string[]> };
  readonly bounce?: { readonly bounceType: string; readonly bounceSubType: string };
  readonly reject?: object;
}

/** A configuration set `emails` whose events go to a topic. */
async function withEvents(
  directory?: string,
  MatchingEventTypes: readonly string[] = ALL,
  Enabled = true,
): Promise<SesLab> {
  const lab = await SesLab.open(directory);
  lab.provision('AWS::SNS::Topic', { TopicName: 'events' });
  lab.provision('AWS::SES::ConfigurationSet', {
    Name: 'emails',
    SuppressionOptions: { SuppressedReasons: ['BOUNCE'] },
  });
  lab.provision('AWS::SES::ConfigurationSetEventDestination', {
    ConfigurationSetName: 'emails',
    EventDestination: { Name: 'topic', Enabled, MatchingEventTypes, SnsDestination: { TopicARN: TOPIC } },
  });
  return lab;
}

const sendTo = (lab: SesLab, address: string) =>
  lab.send({
    ConfigurationSetName: 'emails',
    Destination: { ToAddresses: [address] },
    EmailTags: [{ Name: 'notification', Value: 'n-1' }],
  });

const published = (lab: SesLab): Published[] =>
  lab.sns.published().map(({ message }) => JSON.parse(message) as Published);
const types = (lab: SesLab) => published(lab).map(({ eventType }) => eventType);

it('tells that a mail was taken a second later, and that it was delivered after that', async () => {
  await using lab = await withEvents();
  const messageId = await sendTo(lab, 'ann@example.org');
  expect(types(lab)).toEqual([]);
  await lab.clock.pass(1000);
  expect(types(lab)).toEqual(['Send']);
  await lab.clock.pass(1000);
  expect(types(lab)).toEqual(['Send', 'Delivery']);
  for (const { mail } of published(lab))
    expect(mail).toMatchObject({
      messageId,
      destination: ['ann@example.org'],
      source: 'orders@shop.example',
      tags: {
        notification: ['n-1'],
        'ses:configuration-set': ['emails'],
        'ses:from-domain': ['shop.example'],
      },
    });
});

it.each([
  ['bounce@simulator.amazonses.com', ['Send', 'Bounce'], 'General'],
  ['bounce+label@simulator.amazonses.com', ['Send', 'Bounce'], 'General'],
  ['suppressionlist@simulator.amazonses.com', ['Send', 'Bounce'], 'OnAccountSuppressionList'],
  ['complaint@simulator.amazonses.com', ['Send', 'Delivery', 'Complaint'], undefined],
  ['success@simulator.amazonses.com', ['Send', 'Delivery'], undefined],
])('does for %s as the mailbox simulator of SES: %j', async (address, expected, bounceSubType) => {
  await using lab = await withEvents();
  await sendTo(lab, address);
  await lab.clock.pass(5000);
  expect(types(lab)).toEqual(expected);
  expect(published(lab).find(({ bounce }) => bounce)?.bounce?.bounceSubType).toBe(bounceSubType);
});

it('bounces what goes to a suppressed address', async () => {
  await using lab = await withEvents();
  await lab.client.send(
    new PutSuppressedDestinationCommand({ EmailAddress: 'ann@example.org', Reason: 'BOUNCE' }),
  );
  await sendTo(lab, 'ann@example.org');
  await lab.clock.pass(5000);
  expect(types(lab)).toEqual(['Send', 'Bounce']);
});

it('rejects a mail that holds the test virus, and sends it to nobody', async () => {
  using directory = temporaryDirectory();
  await using lab = await withEvents(directory.path);
  const virus = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-', 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');
  await lab.send({
    ConfigurationSetName: 'emails',
    Content: { Simple: { Subject: { Data: 'Hello' }, Body: { Text: { Data: `Grüße: ${virus}` } } } },
  });
  await lab.clock.pass(5000);
  expect(published(lab)).toMatchObject([{ eventType: 'Reject', reject: { reason: 'Bad content' } }]);
  const [mail] = lab.ses.sent();
  expect(mail?.rejected).toBe(true);
  expect(mail?.emlPath).toBeUndefined();
});

it('tells a destination what it asked for, and one that is off nothing', async () => {
  await using some = await withEvents(undefined, ['delivery']);
  await using none = await withEvents(undefined, ALL, false);
  for (const lab of [some, none]) {
    await sendTo(lab, 'ann@example.org');
    await lab.clock.pass(5000);
  }
  expect(types(some)).toEqual(['Delivery']);
  expect(types(none)).toEqual([]);
});

it('tells nothing of a mail that was sent without the configuration set', async () => {
  await using lab = await withEvents();
  await lab.send();
  expect(lab.ses.nextEventMs).toBeUndefined();
});

it('loses, delays and repeats events as it is told to', async () => {
  await using lab = await withEvents();
  lab.ses.setEventPlan(({ type, recipients }) =>
    recipients.includes('ann@example.org')
      ? { copies: type === 'SEND' ? 0 : 2, delaySeconds: 3600 }
      : undefined,
  );
  const beganMs = lab.clock.now();
  await sendTo(lab, 'ann@example.org');
  expect((lab.ses.nextEventMs ?? 0) - beganMs).toBeGreaterThan(3_599_000);
  await lab.clock.pass(3_500_000);
  expect(types(lab)).toEqual([]);
  await lab.clock.pass(200_000);
  expect(types(lab)).toEqual(['Delivery', 'Delivery']);
  await sendTo(lab, 'bob@example.org');
  await lab.clock.pass(5000);
  expect(types(lab).slice(2)).toEqual(['Send', 'Delivery']);
});

it('publishes after a restart what was on its way, each once', async () => {
  using directory = temporaryDirectory();
  {
    await using lab = await withEvents(directory.path);
    await sendTo(lab, 'ann@example.org');
    await lab.clock.pass(1500);
    expect(types(lab)).toEqual(['Send']);
  }
  await using lab = await withEvents(directory.path);
  await lab.clock.pass(5000);
  expect(types(lab)).toEqual(['Send', 'Delivery']);
  expect(lab.ses.nextEventMs).toBeUndefined();
});

it('refuses a destination of another kind than a topic', async () => {
  await using lab = await withEvents();
  expect(() =>
    lab.provision('AWS::SES::ConfigurationSetEventDestination', {
      ConfigurationSetName: 'emails',
      EventDestination: { MatchingEventTypes: ['send'], EventBridgeDestination: { EventBusArn: 'arn' } },
    }),
  ).toThrow('has the property "EventBridgeDestination", which the local cloud does not know');
});
