import type { Report } from '../../../shared/jobs/generate-report.ts';
import { money } from '../../../shared/jobs/money.ts';
import type { Figures } from '../figures.ts';
import { type Chart, drawChart } from './charts.ts';
import { Pages } from './pages.ts';
import { drawTable } from './table.ts';

/** A picture in the report, or why it is none. */
export type Shown =
  | { readonly name: string; readonly jpeg: Uint8Array; readonly width: number; readonly height: number }
  | { readonly name: string; readonly reason: string };

export interface ReportModel extends Pick<Report, 'title' | 'period'> {
  readonly figures: Figures;
  readonly pictures: readonly Shown[];
}

const CHART_HEIGHT = 130;
const CHARTS: readonly Chart[] = [
  { title: 'Orders a day', kind: 'bars', color: '#2F6690', values: ({ orders }) => orders },
  { title: 'Payments a day', kind: 'area', color: '#81A4CD', values: ({ payments }) => payments },
];
const PICTURES_A_ROW = 4;
const PICTURE_SIDE = 110;
const PICTURE_ROW = PICTURE_SIDE + 22;

/** The report as a PDF. The same model gives the same bytes. */
export async function reportDocument(model: ReportModel): Promise<{ bytes: Buffer; pages: number }> {
  const { title, period, figures, pictures } = model;
  const pages = new Pages({ title, createdAt: new Date(period.to) });
  drawTop(pages, model);
  for (const chart of CHARTS) {
    const { document, type, left, width, y } = pages;
    drawChart(document, type, { x: left, y, width, height: CHART_HEIGHT }, figures.days, chart);
    pages.skip(CHART_HEIGHT + 14);
  }
  drawFigures(pages, figures);
  drawPictures(pages, pictures);
  return pages.end();
}

function drawTop(pages: Pages, { title, period: { from, to }, figures }: ReportModel): void {
  const { type, left, width } = pages;
  type.write(title, left, pages.y + 20, { bold: true, size: 20, maxWidth: width });
  type.write(from === to ? from : `${from} to ${to}`, left, pages.y + 38, { size: 11, color: '#666666' });
  pages.skip(56);
  const summary = [
    ['Orders', figures.orders],
    ['Payments', figures.payments],
    ['Days', figures.days.length],
  ] as const;
  for (const [index, [name, value]] of summary.entries()) {
    const x = left + (index * width) / summary.length;
    type.write(value.toLocaleString('en'), x, pages.y + 18, { bold: true, size: 18 });
    type.write(name, x, pages.y + 32, { color: '#666666' });
  }
  pages.skip(50);
}

function drawFigures(pages: Pages, { currencies, products, days }: Figures): void {
  const right = 'right' as const;
  drawTable(
    pages,
    'By currency',
    [
      { title: 'Currency', share: 0.16 },
      { title: 'Payments', share: 0.14, align: right },
      { title: 'Money in', share: 0.2, align: right },
      { title: 'Money out', share: 0.18, align: right },
      { title: 'Orders', share: 0.12, align: right },
      { title: 'Ordered', share: 0.2, align: right },
    ],
    currencies.map(({ currency, payments, inMinor, outMinor, orders, orderedMinor }) => [
      currency,
      payments.toLocaleString('en'),
      money(inMinor, currency),
      money(outMinor, currency),
      orders.toLocaleString('en'),
      money(orderedMinor, currency),
    ]),
  );
  drawTable(
    pages,
    'Most ordered',
    [
      { title: 'Item', share: 0.6 },
      { title: 'SKU', share: 0.25 },
      { title: 'Pieces', share: 0.15, align: right },
    ],
    products.map(({ title, sku, quantity }) => [title, sku, quantity.toLocaleString('en')]),
  );
  drawTable(
    pages,
    'Day by day',
    [
      { title: 'Day', share: 0.4 },
      { title: 'Orders', share: 0.3, align: right },
      { title: 'Payments', share: 0.3, align: right },
    ],
    days.map(({ day, orders, payments }) => [
      day,
      orders.toLocaleString('en'),
      payments.toLocaleString('en'),
    ]),
  );
}

function drawPictures(pages: Pages, pictures: readonly Shown[]): void {
  const shown = pictures.filter((picture) => 'jpeg' in picture);
  if (shown.length > 0) pages.heading('Pictures', PICTURE_ROW);
  const across = pages.width / PICTURES_A_ROW;
  for (const [index, { name, jpeg, width, height }] of shown.entries()) {
    const place = index % PICTURES_A_ROW;
    if (place === 0) pages.ensure(PICTURE_ROW);
    const scale = Math.min(1, PICTURE_SIDE / Math.max(width, height));
    const x = pages.left + place * across;
    pages.document.image(Buffer.from(jpeg), x, pages.y, { width: width * scale, height: height * scale });
    pages.type.write(name, x, pages.y + PICTURE_SIDE + 10, { size: 8, maxWidth: across - 8 });
    if (place === PICTURES_A_ROW - 1 || index === shown.length - 1) pages.skip(PICTURE_ROW);
  }
  const failed = pictures.filter((picture) => 'reason' in picture);
  if (failed.length > 0)
    drawTable(
      pages,
      'Pictures that could not be read',
      [
        { title: 'Name', share: 0.35 },
        { title: 'Because', share: 0.65 },
      ],
      failed.map(({ name, reason }) => [name, reason]),
    );
}
