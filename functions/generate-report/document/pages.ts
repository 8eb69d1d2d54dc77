import PDFDocument from 'pdfkit';
import { Typesetter } from './typesetter.ts';

const MARGIN = 48;
const HEADING = 26;

export interface PagesOptions {
  readonly title: string;
  /** In the PDF's properties: the same report has the same bytes, so it cannot be now. */
  readonly createdAt: Date;
}

/** Pages of A4 that are filled from the top, and numbered when all are there. */
export class Pages {
  readonly document: PDFKit.PDFDocument;
  readonly type: Typesetter;
  readonly left = MARGIN;
  readonly width: number;
  readonly #title: string;
  readonly #chunks: Uint8Array[] = [];
  readonly #bottom: number;
  #y = MARGIN;
  #count = 1;

  constructor({ title, createdAt }: PagesOptions) {
    this.#title = title;
    this.document = new PDFDocument({
      size: 'A4',
      margin: 0,
      bufferPages: true,
      // No standard font: the first text brings its own.
      font: null as unknown as string,
      lang: 'en',
      info: { Title: title.toWellFormed(), Creator: 'honest-jobs', CreationDate: createdAt },
    });
    this.document.on('data', (chunk: Uint8Array) => this.#chunks.push(chunk));
    this.type = new Typesetter(this.document);
    this.width = this.document.page.width - 2 * MARGIN;
    this.#bottom = this.document.page.height - MARGIN;
  }

  /** Where the next thing begins, in points from the top. */
  get y(): number {
    return this.#y;
  }

  skip(height: number): void {
    this.#y += height;
  }

  /** @returns whether a page was begun, since the last one had no such height left */
  ensure(height: number): boolean {
    if (this.#y + height <= this.#bottom) return false;
    this.document.addPage();
    this.#count++;
    this.#y = MARGIN;
    return true;
  }

  /** @param following the height of what must stand on the same page */
  heading(text: string, following: number): void {
    this.ensure(HEADING + following);
    this.type.write(text, this.left, this.#y + 14, { bold: true, size: 13, maxWidth: this.width });
    this.skip(HEADING);
  }

  /** Numbers the pages and ends the document. */
  async end(): Promise<{ readonly bytes: Buffer; readonly pages: number }> {
    for (let page = 0; page < this.#count; page++) {
      this.document.switchToPage(page);
      const y = this.document.page.height - MARGIN / 2;
      const quiet = { size: 8, color: '#666666' };
      this.type.write(this.#title, this.left, y, { ...quiet, maxWidth: this.width * 0.75 });
      this.type.write(`Page ${page + 1} of ${this.#count}`, this.left + this.width, y, {
        ...quiet,
        align: 'right',
      });
    }
    const ended = new Promise<void>((resolve, reject) => {
      this.document.on('end', resolve);
      this.document.on('error', reject);
    });
    this.document.end();
    await ended;
    return { bytes: Buffer.concat(this.#chunks), pages: this.#count };
  }
}
