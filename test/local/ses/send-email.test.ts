import { describe, expect, it } from 'vitest';
import { mailTo, SesLab } from './ses-lab.ts';

const SIMPLE = { Subject: { Data: 'Hello' }, Body: { Text: { Data: 'Hi.' } } };

describe('SendEmail', () => {
  it('takes a mail and keeps what was sent, to whom, when and with which tags', async () => {
    await using lab = await SesLab.open();
    lab.provision('AWS::SES::ConfigurationSet', { Name: 'emails' });
    const beforeMs = Math.floor(lab.clock.now());
    const messageId = await lab.send({
      FromEmailAddress: 'The Shop <orders@shop.example>',
      Destination: {
        ToAddresses: ['"Lee, Ann" <ann@example.org>'],
        CcAddresses: ['bob@example.org'],
        BccAddresses: ['audit@example.org'],
      },
      ConfigurationSetName: 'emails',
      EmailTags: [{ Name: 'notification', Value: 'n-1' }],
    });
    const [mail, ...others] = lab.ses.sent();
    expect(others).toEqual([]);
    expect(mail).toEqual({
      messageId,
      from: 'orders@shop.example',
      to: ['ann@example.org'],
      cc: ['bob@example.org'],
      bcc: ['audit@example.org'],
      subject: 'Hello',
      tags: { notification: 'n-1' },
      configurationSet: 'emails',
      suppressed: [],
      atMs: expect.any(Number),
    });
    expect(mail?.atMs).toBeGreaterThanOrEqual(beforeMs);
    expect(mail?.atMs).toBeLessThanOrEqual(lab.clock.now());
  });

  it('gives each mail an id of its own, in the form of SES', async () => {
    await using lab = await SesLab.open();
    const ids = [await lab.send(), await lab.send()];
    expect(new Set(ids).size).toBe(2);
    for (const id of ids)
      expect(id).toMatch(/^0100[0-9a-f]{12}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-0{6}$/);
  });

  it.each([
    ['', 'Invalid email address .'],
    ['ann', "Missing final '@domain'"],
    ['ann@', 'Missing domain'],
    ['@example.org', 'Missing local name'],
    ['ann lee@example.org', 'Local address contains control or whitespace'],
    ['änn@example.org', 'Local address contains illegal character'],
    ['ann;lee@example.org', 'Local address contains illegal character'],
    ['.ann@example.org', 'Local address starts with dot'],
    ['ann.@example.org', 'Local address ends with dot'],
    ['ann..lee@example.org', 'Local address contains dot-dot'],
    ['ann@.example.org', 'Domain starts with dot'],
    ['ann@example.org.', 'Domain ends with dot'],
    ['ann@example..org', 'Domain contains dot-dot'],
    ['ann@exam ple.org', 'Domain contains control or whitespace'],
    ['ann@exämple.org', 'Domain contains illegal character'],
    ['ann@example.org, bob@example.org', 'Domain contains illegal character'],
    ['Lee, Ann <ann@example.org>', "Missing final '@domain'"],
    ['Ann\r\nBcc: x@example.org <ann@example.org>', 'Illegal address'],
    ['"a\r\nBcc: x"@example.org', 'Local address contains control or whitespace'],
    ['"ann@example.org', 'Unterminated quote'],
    ['"ann"lee@example.org', 'Quote not at end of local address'],
  ])('refuses the recipient %j: %s', async (address, message) => {
    await using lab = await SesLab.open();
    await expect(lab.send(mailTo(address))).rejects.toMatchObject({
      name: 'BadRequestException',
      message,
      $metadata: { httpStatusCode: 400 },
    });
    expect(lab.ses.sent()).toEqual([]);
  });

  it.each([
    '"ann lee"@example.org',
    'ann@[192.0.2.1]',
    "o'neil+tag@example.org",
    'Ann <ann@xn--exmple-cua.org>',
  ])('takes the unusual address %s', async (address) => {
    await using lab = await SesLab.open();
    await lab.send(mailTo(address));
    expect(lab.ses.sent()).toHaveLength(1);
  });

  it('rejects a sender whose domain nobody declared, and says which', async () => {
    await using lab = await SesLab.open();
    for (const from of ['orders@other.example', 'orders@notshop.example'])
      await expect(lab.send({ FromEmailAddress: from })).rejects.toMatchObject({
        name: 'MessageRejected',
        message: `Email address is not verified. The following identities failed the check in region EU-WEST-1: ${from}`,
      });
  });

  it('lets a declared domain speak for its subdomains, and a declared address only for itself', async () => {
    await using lab = await SesLab.open();
    lab.provision('AWS::SES::EmailIdentity', { EmailIdentity: 'one@single.example' });
    await lab.send({ FromEmailAddress: 'x@mail.SHOP.example' });
    await lab.send({ FromEmailAddress: 'one@single.example' });
    await expect(lab.send({ FromEmailAddress: 'two@single.example' })).rejects.toMatchObject({
      name: 'MessageRejected',
    });
  });

  it('refuses a configuration set that the template does not hold', async () => {
    await using lab = await SesLab.open();
    await expect(lab.send({ ConfigurationSetName: 'none' })).rejects.toMatchObject({
      name: 'NotFoundException',
      message: 'Configuration set <none> does not exist.',
      $metadata: { httpStatusCode: 404 },
    });
  });

  it('uses the configuration set of the identity for a mail that names none', async () => {
    await using lab = await SesLab.open();
    lab.provision('AWS::SES::ConfigurationSet', { Name: 'emails' });
    lab.provision('AWS::SES::EmailIdentity', {
      EmailIdentity: 'shop.example',
      ConfigurationSetAttributes: { ConfigurationSetName: 'emails' },
    });
    await lab.send();
    expect(lab.ses.sent()[0]?.configurationSet).toBe('emails');
  });

  it('sends nothing through a configuration set whose sending is turned off', async () => {
    await using lab = await SesLab.open();
    lab.provision('AWS::SES::ConfigurationSet', {
      Name: 'emails',
      SendingOptions: { SendingEnabled: false },
    });
    await expect(lab.send({ ConfigurationSetName: 'emails' })).rejects.toMatchObject({
      name: 'SendingPausedException',
    });
    expect(lab.ses.sent()).toEqual([]);
  });

  it.each([
    ['no recipient', { Destination: {} }, 'The message has no recipient'],
    [
      'more than fifty recipients',
      { Destination: { ToAddresses: Array.from({ length: 51 }, (_, index) => `a${index}@example.org`) } },
      'Recipient count exceeds 50.',
    ],
    ['no sender', { FromEmailAddress: undefined }, 'FromEmailAddress is required with Content.Simple'],
    [
      'neither text nor HTML',
      { Content: { Simple: { ...SIMPLE, Body: {} } } },
      'Content.Simple.Body has neither Text nor Html',
    ],
    [
      'a line break in its subject',
      { Content: { Simple: { ...SIMPLE, Subject: { Data: 'a\r\nBcc: x@example.org' } } } },
      'The subject contains control characters',
    ],
    [
      'a tag with a space',
      { EmailTags: [{ Name: 'notification', Value: 'n 1' }] },
      "Invalid tag value <n 1>: only alphanumeric ASCII characters, '_', and '-' are allowed.",
    ],
  ])('refuses a mail with %s', async (_, changes, message) => {
    await using lab = await SesLab.open();
    await expect(lab.send(changes)).rejects.toMatchObject({ name: 'BadRequestException', message });
  });

  it.each([
    [
      'attachments',
      { Content: { Simple: { ...SIMPLE, Attachments: [{ RawContent: new Uint8Array(1), FileName: 'a' }] } } },
      'Content.Simple.Attachments',
    ],
    ['templates', { Content: { Template: { TemplateName: 't' } } }, 'Content.Template'],
    ['tenants', { TenantName: 't' }, 'SendEmail.TenantName'],
  ])('refuses %s by name, instead of leaving them out', async (_, changes, path) => {
    await using lab = await SesLab.open();
    await expect(lab.send(changes)).rejects.toMatchObject({
      name: 'BadRequestException',
      message: expect.stringContaining(path),
    });
  });
});
