import type { Pages } from './pages.ts';

export interface Column {
  readonly title: string;
  /** Of the page's width, all columns together 1. */
  readonly share: number;
  /** @default 'left' */
  readonly align?: 'left' | 'right';
}

const ROW = 15;
const PADDING = 4;
const RULE = '#CCCCCC';
const BAND = '#F4F6F8';

/** Rows under a head that each page repeats. */
export function drawTable(
  pages: Pages,
  title: string,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): void {
  // A title is not left alone at the end of a page.
  pages.heading(title, 3 * ROW);
  drawRow(
    pages,
    columns,
    columns.map(({ title }) => title),
    { bold: true },
  );
  for (const [index, row] of rows.entries()) {
    if (pages.ensure(ROW))
      drawRow(
        pages,
        columns,
        columns.map(({ title }) => title),
        { bold: true },
      );
    drawRow(pages, columns, row, { band: index % 2 === 0 });
  }
  if (rows.length === 0) drawRow(pages, columns, ['none'], {});
  pages.skip(ROW);
}

function drawRow(
  pages: Pages,
  columns: readonly Column[],
  cells: readonly string[],
  { bold = false, band = false }: { readonly bold?: boolean; readonly band?: boolean },
): void {
  const { document, type, left, width, y } = pages;
  if (band) document.rect(left, y, width, ROW).fill(BAND);
  let x = left;
  for (const [index, { share, align = 'left' }] of columns.entries()) {
    const across = share * width;
    type.write(cells[index] ?? '', align === 'left' ? x + PADDING : x + across - PADDING, y + ROW - 4.5, {
      bold,
      align,
      maxWidth: across - 2 * PADDING,
    });
    x += across;
  }
  if (bold)
    document
      .moveTo(left, y + ROW)
      .lineTo(left + width, y + ROW)
      .lineWidth(0.7)
      .stroke(RULE);
  pages.skip(ROW);
}
