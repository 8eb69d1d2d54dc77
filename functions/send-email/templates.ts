import type * as z from 'zod';
import { money } from '../../shared/jobs/money.ts';
import type { sendEmail } from '../../shared/jobs/send-email.ts';

export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

type Message = z.output<typeof sendEmail.payload>['message'];

/** Renders a template, text and HTML from the same values. Values are escaped in HTML; control characters never reach a subject. */
export function render(message: Message): RenderedMail {
  switch (message.template) {
    case 'welcome':
      return mail('Welcome', [
        `Hello ${message.values.name},`,
        'your account is ready. We are glad that you are here.',
      ]);
    case 'order-confirmation': {
      const { name, reference, lines, totalMinor, currency } = message.values;
      const rows = [
        ...lines.map(
          ({ title, quantity, totalMinor }) =>
            [`${quantity} × ${title}`, money(totalMinor, currency)] as const,
        ),
        ['Total', money(totalMinor, currency)] as const,
      ];
      return mail(
        `Your order ${reference}`,
        [`Hello ${name},`, `thank you for your order ${reference}. This is what we will send you:`],
        rows,
      );
    }
    case 'report-ready': {
      const { title, from, to, pages, link, linkExpiresAt, location, failedAssets } = message.values;
      const named = failedAssets.slice(0, MOST_NAMED);
      const more = failedAssets.length - named.length;
      return mail(`Report ready: ${title}`, [
        `The report “${title}” for ${from === to ? from : `${from} to ${to}`} is ready (${pages} ${pages === 1 ? 'page' : 'pages'}).`,
        ...(link === undefined
          ? [`It is found at ${location}.`]
          : [
              `Until ${linkExpiresAt} at the latest it can be read here:`,
              { link },
              `After that it is found at ${location}.`,
            ]),
        ...(named.length === 0
          ? []
          : [
              `These pictures could not be read and are left out: ${named.join(', ')}${more > 0 ? `, and ${more} more` : ''}.`,
            ]),
      ]);
    }
    case 'endpoint-disabled': {
      const { endpointId, host, disabledAt, because } = message.values;
      return mail(`Webhook endpoint disabled: ${host}`, [
        `Your webhook endpoint ${endpointId} on ${host} was disabled at ${disabledAt}, and gets no more events.`,
        because,
        'Events that were on their way to it are kept for now. When the endpoint works again, ask us to enable it.',
      ]);
    }
  }
}

const MOST_NAMED = 20;

type Paragraph = string | { readonly link: string };

function mail(
  subject: string,
  paragraphs: readonly Paragraph[],
  rows: readonly (readonly [string, string])[] = [],
): RenderedMail {
  const table = rows.map(
    ([label, amount]) => `<tr><td>${escapeHtml(label)}</td><td align="right">${escapeHtml(amount)}</td></tr>`,
  );
  return {
    // A line break here would begin a header of its own.
    subject: subject.replaceAll(/\p{Cc}+/gu, ' ').trim(),
    text: [...paragraphs.map(textOf), ...rows.map(([label, amount]) => `  ${label}: ${amount}`)].join('\n\n'),
    html: [
      '<!doctype html>',
      ...paragraphs.map((paragraph) => `<p>${htmlOf(paragraph)}</p>`),
      ...(table.length > 0 ? [`<table>${table.join('')}</table>`] : []),
    ].join('\n'),
  };
}

function textOf(paragraph: Paragraph): string {
  return typeof paragraph === 'string' ? paragraph : paragraph.link;
}

function htmlOf(paragraph: Paragraph): string {
  if (typeof paragraph === 'string') return escapeHtml(paragraph);
  const address = escapeHtml(paragraph.link);
  return `<a href="${address}">${address}</a>`;
}

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => HTML_ESCAPES[character] ?? character);
}
