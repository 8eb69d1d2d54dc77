/** A payment as the index by day holds it. */
export interface PaymentOfDay {
  readonly amountMinor: number;
  readonly currency: string;
}

/** An order as the index by day holds it. */
export interface OrderOfDay {
  readonly currency: string;
  readonly lines: readonly {
    readonly sku: string;
    readonly title: string;
    readonly quantity: number;
    readonly unitPriceMinor: number;
  }[];
}

export interface DayFigures {
  readonly day: string;
  readonly orders: number;
  readonly payments: number;
}

export interface CurrencyFigures {
  readonly currency: string;
  readonly payments: number;
  readonly inMinor: number;
  readonly outMinor: number;
  readonly orders: number;
  readonly orderedMinor: number;
}

export interface ProductFigures {
  readonly sku: string;
  readonly title: string;
  readonly quantity: number;
}

export interface Figures {
  readonly orders: number;
  readonly payments: number;
  /** Each day of the period, also those on which nothing happened. */
  readonly days: readonly DayFigures[];
  /** By name. */
  readonly currencies: readonly CurrencyFigures[];
  /** The most ordered first, at most {@link MOST_PRODUCTS}. */
  readonly products: readonly ProductFigures[];
}

const MOST_PRODUCTS = 12;

type Counted<Row> = { -readonly [Key in keyof Row]: Row[Key] };

/** Adds up a period's rows as they come, and keeps none of them: the memory is that of days, currencies and products. */
export class FiguresOfPeriod {
  readonly #days: ReadonlyMap<string, Counted<DayFigures>>;
  readonly #currencies = new Map<string, Counted<CurrencyFigures>>();
  readonly #products = new Map<string, Counted<ProductFigures>>();

  constructor(days: readonly string[]) {
    this.#days = new Map(days.map((day) => [day, { day, orders: 0, payments: 0 }]));
  }

  addPayment(day: string, { amountMinor, currency }: PaymentOfDay): void {
    this.#day(day).payments++;
    const sums = this.#currency(currency);
    sums.payments++;
    if (amountMinor > 0) sums.inMinor += amountMinor;
    else sums.outMinor -= amountMinor;
  }

  addOrder(day: string, { currency, lines }: OrderOfDay): void {
    this.#day(day).orders++;
    const sums = this.#currency(currency);
    sums.orders++;
    for (const { sku, title, quantity, unitPriceMinor } of lines) {
      sums.orderedMinor += quantity * unitPriceMinor;
      const product = this.#products.get(sku) ?? { sku, title, quantity: 0 };
      product.quantity += quantity;
      this.#products.set(sku, product);
    }
  }

  figures(): Figures {
    const days = [...this.#days.values()];
    return {
      orders: days.reduce((sum, { orders }) => sum + orders, 0),
      payments: days.reduce((sum, { payments }) => sum + payments, 0),
      days,
      currencies: [...this.#currencies.values()].sort((a, b) => order(a.currency, b.currency)),
      products: [...this.#products.values()]
        .sort((a, b) => b.quantity - a.quantity || order(a.sku, b.sku))
        .slice(0, MOST_PRODUCTS),
    };
  }

  #day(day: string): Counted<DayFigures> {
    const found = this.#days.get(day);
    if (!found) throw new RangeError(`${day} is no day of the period.`);
    return found;
  }

  #currency(currency: string): Counted<CurrencyFigures> {
    const found = this.#currencies.get(currency) ?? {
      currency,
      payments: 0,
      inMinor: 0,
      outMinor: 0,
      orders: 0,
      orderedMinor: 0,
    };
    this.#currencies.set(currency, found);
    return found;
  }
}

/** By code units: the same on every machine. */
function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
