import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { base64, encodeBody, quotedPrintable } from '../../../local/ses/mime/encodings.ts';
import { textHeader } from '../../../local/ses/mime/headers.ts';
import { decodeWords } from '../../../local/ses/mime/raw.ts';
import { mailTo, SesLab, temporaryDirectory } from './ses-lab.ts';

const UTF8 = 'UTF-8';

/** The file of the only mail, one character a byte. */
function onlyFile({ ses }: SesLab): string {
  const [mail, ...others] = ses.sent();
  expect(others).toEqual([]);
  return readFileSync(mail?.emlPath ?? '', 'latin1');
}

function simple(subject: string, text: string, html?: string) {
  return {
    Simple: {
      Subject: { Data: subject, Charset: UTF8 },
      Body: { Text: { Data: text, Charset: UTF8 }, ...(html && { Html: { Data: html, Charset: UTF8 } }) },
    },
  };
}

describe('a mail as a file', () => {
  it('says who, what and when in its header, and names no blind copy', async () => {
    using directory = temporaryDirectory();
    await using lab = await SesLab.open(directory.path);
    const messageId = await lab.send({
      FromEmailAddress: 'The Shop <orders@shop.example>',
      Destination: {
        ToAddresses: ['"Lee, \\"Ann\\"" <ann@example.org>', 'bob@example.org'],
        CcAddresses: ['Zoë <zoe@example.org>'],
        BccAddresses: ['audit@example.org'],
      },
      ReplyToAddresses: ['help@shop.example'],
    });
    const [head] = onlyFile(lab).split('\r\n\r\n');
    const date = new Date(lab.ses.sent()[0]?.atMs ?? 0).toUTCString().replace('GMT', '+0000');
    expect(head?.split('\r\n')).toEqual([
      'From: The Shop <orders@shop.example>',
      'To: "Lee, \\"Ann\\"" <ann@example.org>,',
      ' bob@example.org',
      'Cc: =?UTF-8?B?Wm/Dqw==?=',
      ' <zoe@example.org>',
      'Reply-To: help@shop.example',
      'Subject: Hello',
      `Date: ${date}`,
      `Message-ID: <${messageId}@email.amazonses.com>`,
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=US-ASCII',
      'Content-Transfer-Encoding: quoted-printable',
    ]);
  });

  it('holds text and HTML as alternatives, HTML last, in lines that end in CRLF', async () => {
    using directory = temporaryDirectory();
    await using lab = await SesLab.open(directory.path);
    await lab.send({ Content: simple('s', 'Hi\nAnn', '<p>Hi\r\n') });
    const mail = onlyFile(lab);
    const boundary = /boundary="([^"]+)"/.exec(mail)?.[1] ?? 'none';
    const parts = mail.split(`--${boundary}`);
    expect(parts).toHaveLength(4);
    expect(parts[1]).toBe(
      '\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nHi\r\nAnn\r\n',
    );
    expect(parts[2]).toContain('text/html; charset=UTF-8');
    expect(parts[3]).toBe('--\r\n');
    expect(mail.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
  });

  it('is in the folder mail, named by the message id', async () => {
    using directory = temporaryDirectory();
    await using lab = await SesLab.open(directory.path);
    const messageId = await lab.send();
    expect(lab.ses.sent()[0]?.emlPath).toBe(`${directory.path}/mail/${messageId}.eml`);
  });

  it('has question marks for what its charset does not hold, which is ASCII unless told', async () => {
    using directory = temporaryDirectory();
    await using lab = await SesLab.open(directory.path);
    await lab.send({
      Content: {
        Simple: {
          Subject: { Data: 'Grüße' },
          Body: { Text: { Data: 'Grüße für 5 €', Charset: 'ISO-8859-1' } },
        },
      },
    });
    const mail = onlyFile(lab);
    expect(mail).toContain('Subject: Gr??e\r\n');
    expect(mail).toContain('charset=ISO-8859-1');
    expect(mail).toContain('Gr=FC=DFe f=FCr 5 ?\r\n');
  });

  it("carries the sender's own header fields", async () => {
    using directory = temporaryDirectory();
    await using lab = await SesLab.open(directory.path);
    const content = simple('s', 't').Simple;
    await lab.send({ Content: { Simple: { ...content, Headers: [{ Name: 'X-Order', Value: 'R-1' }] } } });
    expect(onlyFile(lab)).toContain('X-Order: R-1\r\n');
    await expect(
      lab.send({ Content: { Simple: { ...content, Headers: [{ Name: 'Bcc', Value: 'x@example.org' }] } } }),
    ).rejects.toMatchObject({ name: 'BadRequestException' });
  });
});

describe('a raw mail', () => {
  const RAW = [
    'From: Shop <orders@shop.example>',
    'To: "Lee, Ann" <ann@example.org>,',
    ' Bob <bob@example.org>',
    'Bcc: audit@example.org',
    'Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= =?UTF-8?B?IQ==?=',
    'Message-ID: <own@shop.example>',
    'X-SES-MESSAGE-TAGS: notification=n-1, kind=welcome',
    'X-SES-CONFIGURATION-SET: emails',
    '',
    'Grüße',
  ].join('\n');

  it('names its own recipients, tags and configuration set', async () => {
    await using lab = await SesLab.open();
    lab.provision('AWS::SES::ConfigurationSet', { Name: 'emails' });
    await lab.send({
      FromEmailAddress: undefined,
      Destination: undefined,
      Content: { Raw: { Data: Buffer.from(RAW) } },
    });
    expect(lab.ses.sent()[0]).toMatchObject({
      from: 'orders@shop.example',
      to: ['ann@example.org', 'bob@example.org'],
      bcc: ['audit@example.org'],
      subject: 'Grüße!',
      tags: { notification: 'n-1', kind: 'welcome' },
      configurationSet: 'emails',
    });
  });

  it('goes out as it came, but for blind copies, instructions, id and date', async () => {
    using directory = temporaryDirectory();
    await using lab = await SesLab.open(directory.path);
    lab.provision('AWS::SES::ConfigurationSet', { Name: 'emails' });
    const messageId = await lab.send({
      FromEmailAddress: undefined,
      Destination: { ToAddresses: ['ann@example.org'] },
      Content: { Raw: { Data: Buffer.from(RAW) } },
    });
    const [date, id, ...rest] = Buffer.from(onlyFile(lab), 'latin1').toString('utf8').split('\r\n');
    expect(date).toMatch(/^Date: /);
    expect(id).toBe(`Message-ID: <${messageId}@email.amazonses.com>`);
    expect(rest).toEqual([
      'From: Shop <orders@shop.example>',
      'To: "Lee, Ann" <ann@example.org>,',
      ' Bob <bob@example.org>',
      'Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= =?UTF-8?B?IQ==?=',
      '',
      'Grüße',
    ]);
    expect(lab.ses.sent()[0]?.to).toEqual(['ann@example.org']);
  });

  it('needs a verified sender in its From field, whoever the request says sends it', async () => {
    await using lab = await SesLab.open();
    const raw = RAW.replace('orders@shop.example', 'orders@other.example').replace(/X-SES-CONF.*\n/, '');
    await expect(
      lab.send({ ...mailTo('ann@example.org'), Content: { Raw: { Data: Buffer.from(raw) } } }),
    ).rejects.toMatchObject({ name: 'MessageRejected', message: expect.stringContaining('other.example') });
    await expect(
      lab.send({ Content: { Raw: { Data: Buffer.from('Subject: x\n\nbody') } } }),
    ).rejects.toMatchObject({ message: "Missing required header 'From'." });
  });
});

describe('encodings', () => {
  it('a body survives quoted-printable and base64, in lines of 76 characters at most', () => {
    const body = fc
      .array(fc.constantFrom('a', ' ', '\t', '=', '.', '\r\n', 'ü', '€', '🚚', 'word '), {
        maxLength: 300,
        size: 'max',
      })
      .map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(body, (text) => {
        const bytes = Buffer.from(text);
        // A quoted character is never broken in two.
        expect(quotedPrintable(bytes)).not.toMatch(/=[0-9A-F]?=\r\n/);
        for (const [encoded, decoded] of [
          [quotedPrintable(bytes), decodeQuotedPrintable(quotedPrintable(bytes))],
          [base64(bytes), Buffer.from(base64(bytes), 'base64')],
        ] as const) {
          expect(decoded.toString()).toBe(text);
          expect(encoded).toMatch(/^([\x20-\x7e\t]{0,76}\r\n)*$/);
          expect(encoded).not.toMatch(/[ \t]\r\n/);
        }
      }),
    );
  });

  it('a body in a Latin script stays readable, another takes the shorter base64', () => {
    expect(encodeBody(Buffer.from('Grüße aus Köln, wie immer')).encoding).toBe('quoted-printable');
    expect(encodeBody(Buffer.from('ご注文ありがとうございます')).encoding).toBe('base64');
  });

  it('a subject survives, in lines of 78 characters at most and whole characters a word', () => {
    const subject = fc
      .array(
        fc.constantFrom('a', ' ', '=?', '?=', '=?UTF-8?B?eA==?=', 'ü', '€', '🚚', 'word ', 'x'.repeat(90)),
        {
          maxLength: 60,
        },
      )
      .map((pieces) => pieces.join('').trim());
    fc.assert(
      fc.property(subject, (text) => {
        const field = textHeader('Subject', { text, charset: UTF8, encode: (part) => Buffer.from(part) });
        const lines = field.slice(0, -2).split('\r\n');
        for (const [index, line] of lines.entries()) {
          expect(line.length).toBeLessThanOrEqual(78);
          expect(line).toMatch(index === 0 ? /^Subject: / : /^ \S/);
        }
        const unfolded = lines.join('').slice('Subject: '.length);
        expect(decodeWords(unfolded)).toBe(text);
        // U+FFFD would tell that a word ended within a character.
        for (const [word] of unfolded.matchAll(/=\?UTF-8\?B\?[^?]+\?=/g))
          expect(decodeWords(word)).not.toContain('\ufffd');
      }),
    );
  });
});

function decodeQuotedPrintable(text: string): Buffer {
  const binary = text
    .replace(/\r\n$/, '')
    .replaceAll('=\r\n', '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(binary, 'latin1');
}
