import unicode from '@fontsource/unifontex/files/unifontex-latin-400-normal.woff';
import regular from 'dejavu-fonts-ttf/ttf/DejaVuSans.ttf';
import bold from 'dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf';
import type PDFDocument from 'pdfkit';
import { sfntOf } from './sfnt.ts';

export interface Style {
  /** Points. @default 9 */
  readonly size?: number;
  readonly bold?: boolean;
  /** @default '#222222' */
  readonly color?: string;
  /** Where `x` is in the text. @default 'left' */
  readonly align?: 'left' | 'center' | 'right';
  /** Points; a longer text ends in an ellipsis. @default no end */
  readonly maxWidth?: number;
}

interface Run {
  readonly font: string;
  readonly text: string;
}

const FIRST = { regular: 'DejaVu', bold: 'DejaVu Bold' } as const;
/** Bitmap-like letters for nearly every character that there is: not beautiful, and never a gap in somebody's name. */
const LAST = 'UnifontEX';
/** Written by no glyph of their own: joiners, direction marks, variation selectors. */
const UNSEEN = /^\p{Default_Ignorable_Code_Point}$/u;
const ELLIPSIS = '…';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * Writes text of any script. A PDF's standard fonts know a few hundred Latin letters; these are embedded, and only the letters that are used.
 * A line is set run by run in its logical order: one script a line comes out as it is read, a mixture of directions does not.
 */
export class Typesetter {
  readonly #document: PDFKit.PDFDocument;
  readonly #covers = new Map<string, (codePoint: number) => boolean>();
  #hasLast = false;

  constructor(document: InstanceType<typeof PDFDocument>) {
    this.#document = document;
    document.registerFont(FIRST.regular, Buffer.from(regular));
    document.registerFont(FIRST.bold, Buffer.from(bold));
  }

  /** @param y of the baseline */
  write(text: string, x: number, y: number, style: Style = {}): void {
    const { size = 9, color = '#222222', align = 'left', maxWidth } = style;
    const runs = this.#runs(
      maxWidth === undefined ? clean(text) : this.#fitted(clean(text), maxWidth, style),
      style,
    );
    const widths = runs.map((run) => this.#width(run, size));
    const width = widths.reduce((sum, each) => sum + each, 0);
    let at = x - { left: 0, center: width / 2, right: width }[align];
    this.#document.fillColor(color);
    for (const [index, { font, text: part }] of runs.entries()) {
      this.#document
        .font(font)
        .fontSize(size)
        .text(part, at, y, { lineBreak: false, baseline: 'alphabetic' });
      at += widths[index] ?? 0;
    }
  }

  /** Points. */
  width(text: string, style: Style = {}): number {
    return this.#widthOfClean(clean(text), style);
  }

  #widthOfClean(text: string, style: Style): number {
    return this.#runs(text, style).reduce((sum, run) => sum + this.#width(run, style.size ?? 9), 0);
  }

  #fitted(text: string, maxWidth: number, style: Style): string {
    if (this.#widthOfClean(text, style) <= maxWidth) return text;
    const letters = [...graphemes.segment(text)].map(({ segment }) => segment);
    let fits = 0;
    let most = letters.length;
    while (fits < most) {
      const middle = Math.ceil((fits + most) / 2);
      if (this.#widthOfClean(letters.slice(0, middle).join('') + ELLIPSIS, style) <= maxWidth) fits = middle;
      else most = middle - 1;
    }
    return letters.slice(0, fits).join('').trimEnd() + ELLIPSIS;
  }

  /** Neighbours of one font together: letters that join must not be torn apart. */
  #runs(text: string, style: Style): Run[] {
    const first = style.bold ? FIRST.bold : FIRST.regular;
    const runs: { font: string; text: string }[] = [];
    for (const { segment } of graphemes.segment(text)) {
      const font = this.#isCovered(first, segment) ? first : this.#last();
      const before = runs.at(-1);
      if (before?.font === font) before.text += segment;
      else runs.push({ font, text: segment });
    }
    return runs;
  }

  #isCovered(font: string, segment: string): boolean {
    const covers = this.#coverage(font);
    return [...segment].every((character) => UNSEEN.test(character) || covers(character.codePointAt(0) ?? 0));
  }

  #coverage(font: string): (codePoint: number) => boolean {
    let covers = this.#covers.get(font);
    if (!covers) {
      // Not in its types: the font behind a name. A test holds that it is there.
      const { _font } = this.#document.font(font) as unknown as {
        _font: { font: { hasGlyphForCodePoint(codePoint: number): boolean } };
      };
      covers = (codePoint) => _font.font.hasGlyphForCodePoint(codePoint);
      this.#covers.set(font, covers);
    }
    return covers;
  }

  /** Most reports need no more than the first font. */
  #last(): string {
    if (!this.#hasLast) this.#document.registerFont(LAST, Buffer.from(sfntOf(unicode)));
    this.#hasLast = true;
    return LAST;
  }

  #width({ font, text }: Run, size: number): number {
    return this.#document.font(font).fontSize(size).widthOfString(text);
  }
}

/** Lone surrogates and control characters are in no font, and a line break would be one. */
function clean(text: string): string {
  return text.toWellFormed().replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
