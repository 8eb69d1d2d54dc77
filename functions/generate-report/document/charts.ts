import { scaleBand, scaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';
import type { DayFigures } from '../figures.ts';
import type { Typesetter } from './typesetter.ts';

export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Chart {
  readonly title: string;
  readonly kind: 'bars' | 'area';
  readonly color: string;
  readonly values: (day: DayFigures) => number;
}

const TICKS = 4;
const LEFT = 36;
const TOP = 20;
const BOTTOM = 16;
/** Dates below the chart, at most. */
const DATES = 7;
const RULE = '#DDDDDD';
const QUIET = '#666666';

/** One value a day, drawn as vectors: sharp in print, and a few kB however many days there are. */
export function drawChart(
  document: PDFKit.PDFDocument,
  type: Typesetter,
  { x, y, width, height }: Frame,
  days: readonly DayFigures[],
  { title, kind, color, values }: Chart,
): void {
  type.write(title, x, y + 10, { bold: true, size: 10 });
  const most = Math.max(1, ...days.map(values));
  const up = scaleLinear()
    .domain([0, most])
    .nice(TICKS)
    .range([y + height - BOTTOM, y + TOP]);
  const across = scaleBand<number>()
    .domain(days.map((_, index) => index))
    .range([x + LEFT, x + width])
    .padding(0.2);
  for (const tick of up.ticks(TICKS).filter(Number.isInteger)) {
    document
      .moveTo(x + LEFT, up(tick))
      .lineTo(x + width, up(tick))
      .lineWidth(0.5)
      .stroke(RULE);
    type.write(tick.toLocaleString('en'), x + LEFT - 4, up(tick) + 2.5, {
      size: 7,
      color: QUIET,
      align: 'right',
    });
  }
  const centre = (index: number): number => (across(index) ?? 0) + across.bandwidth() / 2;
  if (kind === 'bars' || days.length < 3)
    for (const [index, day] of days.entries()) {
      const top = up(values(day));
      document.rect(across(index) ?? 0, top, across.bandwidth(), up(0) - top).fill(color);
    }
  else {
    const shape = area<DayFigures>(
      (_, index) => centre(index),
      up(0),
      (day) => up(values(day)),
    )(days);
    const edge = line<DayFigures>(
      (_, index) => centre(index),
      (day) => up(values(day)),
    )(days);
    document
      .fillOpacity(0.25)
      .path(shape ?? '')
      .fill(color)
      .fillOpacity(1);
    document
      .path(edge ?? '')
      .lineWidth(1.2)
      .stroke(color);
  }
  const every = Math.ceil(days.length / DATES);
  for (const [index, { day }] of days.entries())
    if (index % every === 0)
      type.write(day.slice(5), centre(index), y + height - 4, { size: 7, color: QUIET, align: 'center' });
}
