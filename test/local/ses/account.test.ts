import {
  DeleteSuppressedDestinationCommand,
  GetAccountCommand,
  GetConfigurationSetCommand,
  GetEmailIdentityCommand,
  GetSuppressedDestinationCommand,
  ListConfigurationSetsCommand,
  ListEmailIdentitiesCommand,
  ListEmailTemplatesCommand,
  ListSuppressedDestinationsCommand,
  PutSuppressedDestinationCommand,
  type SuppressionListReason,
} from '@aws-sdk/client-sesv2';
import { expect, it } from 'vitest';
import { mailTo, SesLab, temporaryDirectory } from './ses-lab.ts';

async function suppress(lab: SesLab, address: string, reason: SuppressionListReason = 'BOUNCE') {
  await lab.client.send(new PutSuppressedDestinationCommand({ EmailAddress: address, Reason: reason }));
}

it('tells of an account that may send, and how much it sent in a day of cloud time', async () => {
  await using lab = await SesLab.open();
  await lab.send();
  await lab.clock.advance(24 * 3600 * 1000);
  await lab.send();
  expect(await lab.client.send(new GetAccountCommand({}))).toMatchObject({
    SendingEnabled: true,
    ProductionAccessEnabled: true,
    EnforcementStatus: 'HEALTHY',
    SendQuota: { SentLast24Hours: 1 },
  });
});

it('lists the identities of the template, and tells domain from address', async () => {
  await using lab = await SesLab.open();
  lab.provision('AWS::SES::EmailIdentity', { EmailIdentity: 'one@single.example' });
  const { EmailIdentities } = await lab.client.send(new ListEmailIdentitiesCommand({}));
  expect(EmailIdentities?.map(({ IdentityName, IdentityType }) => [IdentityName, IdentityType])).toEqual([
    ['shop.example', 'DOMAIN'],
    ['one@single.example', 'EMAIL_ADDRESS'],
  ]);
  const identity = await lab.client.send(
    new GetEmailIdentityCommand({ EmailIdentity: 'one@single.example' }),
  );
  expect(identity).toMatchObject({ VerifiedForSendingStatus: true, IdentityType: 'EMAIL_ADDRESS' });
  await expect(
    lab.client.send(new GetEmailIdentityCommand({ EmailIdentity: 'none.example' })),
  ).rejects.toMatchObject({ name: 'NotFoundException' });
});

it('describes the configuration sets of the template', async () => {
  await using lab = await SesLab.open();
  lab.provision('AWS::SES::ConfigurationSet', {
    Name: 'emails',
    SuppressionOptions: { SuppressedReasons: ['COMPLAINT'] },
  });
  const { ConfigurationSets } = await lab.client.send(new ListConfigurationSetsCommand({}));
  expect(ConfigurationSets).toEqual(['emails']);
  expect(
    await lab.client.send(new GetConfigurationSetCommand({ ConfigurationSetName: 'emails' })),
  ).toMatchObject({
    ConfigurationSetName: 'emails',
    SendingOptions: { SendingEnabled: true },
    SuppressionOptions: { SuppressedReasons: ['COMPLAINT'] },
  });
});

it('takes a mail to a suppressed address, and sends it to the others only', async () => {
  using directory = temporaryDirectory();
  await using lab = await SesLab.open(directory.path);
  await suppress(lab, 'Ann@example.org');
  await lab.send(mailTo('ann@EXAMPLE.org'));
  await lab.send({ Destination: { ToAddresses: ['ann@example.org', 'bob@example.org'] } });
  const [alone, together] = lab.ses.sent();
  expect(alone).toMatchObject({ suppressed: ['ann@EXAMPLE.org'] });
  expect(alone).not.toHaveProperty('emlPath');
  expect(together).toMatchObject({ suppressed: ['ann@example.org'], emlPath: expect.any(String) });
});

it("suppresses for the configuration set's own reasons where it has any", async () => {
  await using lab = await SesLab.open();
  lab.provision('AWS::SES::ConfigurationSet', {
    Name: 'complaints',
    SuppressionOptions: { SuppressedReasons: ['COMPLAINT'] },
  });
  await suppress(lab, 'ann@example.org', 'BOUNCE');
  await lab.send({ ConfigurationSetName: 'complaints' });
  await lab.send();
  expect(lab.ses.sent().map(({ suppressed }) => suppressed)).toEqual([[], ['ann@example.org']]);
});

it('shows, pages, filters and empties the suppression list', async () => {
  await using lab = await SesLab.open();
  await suppress(lab, 'c+tag@example.org', 'COMPLAINT');
  await suppress(lab, 'a@example.org');
  await suppress(lab, 'b@example.org');
  const list = async (input: object) => {
    const page = await lab.client.send(new ListSuppressedDestinationsCommand(input));
    const addresses = page.SuppressedDestinationSummaries?.map(({ EmailAddress }) => EmailAddress);
    return { addresses, next: page.NextToken };
  };
  const first = await list({ PageSize: 2 });
  expect(first.addresses).toEqual(['a@example.org', 'b@example.org']);
  expect(await list({ PageSize: 2, NextToken: first.next })).toMatchObject({
    addresses: ['c+tag@example.org'],
    next: undefined,
  });
  expect((await list({ Reasons: ['COMPLAINT'] })).addresses).toEqual(['c+tag@example.org']);
  expect((await list({ EndDate: new Date(0) })).addresses).toEqual([]);

  const address = { EmailAddress: 'c+tag@example.org' };
  const { SuppressedDestination } = await lab.client.send(new GetSuppressedDestinationCommand(address));
  expect(SuppressedDestination).toMatchObject({ ...address, Reason: 'COMPLAINT' });
  expect(SuppressedDestination?.LastUpdateTime?.getTime()).toBeLessThanOrEqual(lab.clock.now());
  await lab.client.send(new DeleteSuppressedDestinationCommand(address));
  for (const command of [
    new GetSuppressedDestinationCommand(address),
    new DeleteSuppressedDestinationCommand(address),
  ])
    await expect(lab.client.send(command as GetSuppressedDestinationCommand)).rejects.toMatchObject({
      name: 'NotFoundException',
    });
});

it('names an operation that it does not know', async () => {
  await using lab = await SesLab.open();
  await expect(lab.client.send(new ListEmailTemplatesCommand({}))).rejects.toMatchObject({
    name: 'UnknownOperationException',
    message: expect.stringContaining('GET /v2/email/templates'),
  });
});
