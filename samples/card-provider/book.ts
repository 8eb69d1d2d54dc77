import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/** A charge as the provider keeps it, and shows it. */
export interface Charge {
  readonly id: string;
  readonly object: 'charge';
  /** In the currency's smallest unit. */
  readonly amount: number;
  /** Lower case. */
  readonly currency: string;
  readonly customer: string;
  readonly payment_method: string;
  readonly reference: string;
  readonly status: 'succeeded' | 'failed';
  readonly failure_code: string | null;
  /** Seconds since the epoch, by this machine's clock. */
  readonly created: number;
}

/** An answer that was given, kept under the key that the caller chose. */
export interface KeptAnswer {
  readonly status: number;
  readonly body: string;
}

type Line =
  | { readonly charge: Charge }
  | { readonly key: string; readonly parameters: string; readonly answer: KeptAnswer }
  | { readonly forgotten: true };

/** All that the provider remembers: charges for ever, keys until it forgets them. In a file, a restart remembers it too. */
export class Book {
  readonly charges: Charge[] = [];
  readonly #keys = new Map<string, { readonly parameters: string; readonly answer: KeptAnswer }>();
  readonly #file: string | undefined;

  constructor(file?: string) {
    this.#file = file;
    if (file === undefined || !existsSync(file)) return;
    for (const line of readFileSync(file, 'utf8').split('\n')) if (line !== '') this.#take(JSON.parse(line));
  }

  addCharge(charge: Charge): void {
    this.#write({ charge });
  }

  answerTo(key: string): { readonly parameters: string; readonly answer: KeptAnswer } | undefined {
    return this.#keys.get(key);
  }

  keep(key: string, parameters: string, answer: KeptAnswer): void {
    this.#write({ key, parameters, answer });
  }

  forgetKeys(): void {
    this.#write({ forgotten: true });
  }

  #write(line: Line): void {
    this.#take(line);
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  #take(line: Line): void {
    if ('charge' in line) this.charges.push(line.charge);
    else if ('key' in line) this.#keys.set(line.key, line);
    else this.#keys.clear();
  }
}
