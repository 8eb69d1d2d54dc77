import fc from 'fast-check';
import { extractText, getDocumentProxy } from 'unpdf';
import { describe, expect, it } from 'vitest';
import {
  type ReportModel,
  reportDocument,
  type Shown,
} from '../../../functions/generate-report/document/report-document.ts';
import { FiguresOfPeriod } from '../../../functions/generate-report/figures.ts';
import { daysOf } from '../../../shared/jobs/day-index.ts';
import { seedProperties } from '../../lab/seeded.ts';
import { jpeg } from './pictures.ts';

seedProperties();

const NOVEMBER = { from: '2026-11-01', to: '2026-11-30' };

function model(changes: Partial<ReportModel> = {}): ReportModel {
  const { period = NOVEMBER } = changes;
  const sums = new FiguresOfPeriod(daysOf(period));
  for (const [index, day] of daysOf(period).entries()) {
    for (let payment = 0; payment <= index % 7; payment++)
      sums.addPayment(day, { amountMinor: payment % 3 === 2 ? -500 : 1999, currency: 'EUR' });
    sums.addOrder(day, {
      currency: 'EUR',
      lines: [{ sku: 'TEA-SENCHA', title: 'Sencha, 100 g', quantity: 2, unitPriceMinor: 1490 }],
    });
  }
  sums.addPayment(period.from, { amountMinor: 1999, currency: 'JPY' });
  return { title: 'Shop in November', period, figures: sums.figures(), pictures: [], ...changes };
}

async function opened(bytes: Uint8Array): Promise<{ pages: readonly string[]; text: string }> {
  const { text } = await extractText(await getDocumentProxy(Uint8Array.from(bytes)));
  return { pages: text, text: text.join('\n') };
}

describe('a report', () => {
  it('opens again, with its title, its period, its sums and its days', async () => {
    const { bytes, pages } = await reportDocument(model());
    const { pages: found, text } = await opened(bytes);
    expect(found).toHaveLength(pages);
    expect(text).toContain('Shop in November');
    expect(text).toContain('2026-11-01 to 2026-11-30');
    for (const day of daysOf(NOVEMBER)) expect(text).toContain(day);
    // 30 orders of two; the days have 1 to 7 payments, 115 in all, and JPY has one.
    expect(text).toMatch(/30\s+Orders\s+116\s+Payments/);
    expect(text).toMatch(/TEA-SENCHA\s+60/);
    expect(text).toContain('€894.00');
    expect(text).toContain('¥1,999');
  });

  it('numbers its pages, and repeats the head of a table on each', async () => {
    const { bytes } = await reportDocument(model({ period: { from: '2026-01-01', to: '2026-12-31' } }));
    const { pages } = await opened(bytes);
    expect(pages.length).toBeGreaterThan(6);
    for (const [index, text] of pages.entries())
      expect(text).toMatch(new RegExp(`Shop in November\\s+Page ${index + 1} of ${pages.length}`));
    for (const text of pages.slice(2)) expect(text).toMatch(/Day\s+Orders\s+Payments/);
  });

  it('shows its pictures, and names those that could not be read with the reason', async () => {
    const small = { jpeg: await jpeg(160, 90), width: 160, height: 90 };
    const pictures: Shown[] = [
      ...Array.from({ length: 30 }, (_, index) => ({ name: `Shelf ${index + 1}`, ...small })),
      { name: 'Shop window', reason: 'it is damaged (Premature end of JPEG file)' },
    ];
    const { bytes } = await reportDocument(model({ pictures }));
    const { text } = await opened(bytes);
    for (let index = 1; index <= 30; index++) expect(text).toContain(`Shelf ${index}`);
    expect(text).toMatch(/Shop window\s+it is damaged/);
    const proxy = await getDocumentProxy(Uint8Array.from(bytes));
    let images = 0;
    for (let page = 1; page <= proxy.numPages; page++) {
      const { fnArray } = await (await proxy.getPage(page)).getOperatorList();
      images += fnArray.filter((operation) => operation === PAINT_IMAGE).length;
    }
    expect(images).toBe(30);
  });

  it('of a period in which nothing happened says so', async () => {
    const figures = new FiguresOfPeriod(['2026-11-25']).figures();
    const { bytes } = await reportDocument(
      model({ figures, period: { from: '2026-11-25', to: '2026-11-25' } }),
    );
    const { text } = await opened(bytes);
    expect(text).toMatch(/0\s+Orders\s+0\s+Payments\s+1\s+Days/);
    expect(text).toMatch(/By currency[\s\S]*none/);
  });

  it('has the same bytes each time', async () => {
    expect((await reportDocument(model())).bytes.equals((await reportDocument(model())).bytes)).toBe(true);
  });
});

describe('names of any script', () => {
  it.each([
    'Nguyễn Søren Łukasz',
    'Ελληνικά',
    'Українська',
    'ქართული',
    'Հայերեն',
    'שלום עולם',
    'مرحبا بالعالم',
    '日本語の報告',
    '中文报告',
    '한국어 보고서',
    'हिन्दी',
    'ไทย',
    'አማርኛ',
    '😀🚀',
  ])('are written so that they can be read again: %s', async (title) => {
    const { text } = await opened((await reportDocument(model({ title }))).bytes);
    // Right-to-left text and marks come back in the order that they are drawn in.
    const letters = (from: string) => [...from.normalize('NFKC').replaceAll(/[\s\p{M}\p{Cf}]/gu, '')];
    const found = new Set(letters(text));
    expect(letters(title).filter((letter) => !found.has(letter))).toEqual([]);
  });

  it('never stop a report, whatever they hold', async () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
      fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 60 }).map((units) =>
        // Lone surrogates and control characters among them.
        String.fromCharCode(...units),
      ),
    );
    await fc.assert(
      fc.asyncProperty(name, name, async (title, picture) => {
        const { bytes } = await reportDocument(
          model({
            title,
            period: { from: '2026-11-25', to: '2026-11-25' },
            pictures: [{ name: picture, reason: picture }],
          }),
        );
        expect((await opened(bytes)).text).toContain('Page 1 of');
      }),
      { numRuns: 60 },
    );
  });
});

/** pdf.js's number of the operation that paints a picture. */
const PAINT_IMAGE = 85;
