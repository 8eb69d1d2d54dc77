import type * as z from 'zod';
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
  }
}

function mail(
  subject: string,
  paragraphs: readonly string[],
  rows: readonly (readonly [string, string])[] = [],
): RenderedMail {
  const table = rows.map(
    ([label, amount]) => `<tr><td>${escapeHtml(label)}</td><td align="right">${escapeHtml(amount)}</td></tr>`,
  );
  return {
    // A line break here would begin a header of its own.
    subject: subject.replaceAll(/\p{Cc}+/gu, ' ').trim(),
    text: [...paragraphs, ...rows.map(([label, amount]) => `  ${label}: ${amount}`)].join('\n\n'),
    html: [
      '<!doctype html>',
      ...paragraphs.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`),
      ...(table.length > 0 ? [`<table>${table.join('')}</table>`] : []),
    ].join('\n'),
  };
}

/** Minor units as the currency writes them: 1999 EUR is `€19.99`, 1999 JPY is `¥1,999`. */
function money(amountMinor: number, currency: string): string {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.format(amountMinor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
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
