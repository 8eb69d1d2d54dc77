import { invalidParameter } from './errors.ts';

/** A request's input: flat names such as `Attributes.entry.1.key`. Knows which of them were asked for. */
export class Form {
  readonly #fields: ReadonlyMap<string, string>;
  readonly #read = new Set<string>();
  readonly #items: Form[] = [];

  constructor(fields: Iterable<readonly [string, string]>) {
    this.#fields = new Map(fields);
  }

  text(name: string): string | undefined {
    this.#read.add(name);
    return this.#fields.get(name);
  }

  /** @throws AwsError `InvalidParameter` */
  required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') throw invalidParameter(name);
    return value;
  }

  /** The items of a list, each with the names below its number; an item that is a text has the name `''`. */
  items(name: string, wrapper: 'member' | 'entry'): readonly Form[] {
    // An empty list is written as its name alone.
    this.#read.add(name);
    const prefix = `${name}.${wrapper}.`;
    const byNumber = new Map<number, [string, string][]>();
    for (const [field, value] of this.#fields) {
      const [, number, rest = ''] = field.startsWith(prefix)
        ? (/^(\d+)(?:\.(.*))?$/s.exec(field.slice(prefix.length)) ?? [])
        : [];
      if (number === undefined) continue;
      this.#read.add(field);
      const fields = byNumber.get(Number(number)) ?? [];
      byNumber.set(Number(number), fields);
      fields.push([rest, value]);
    }
    const items = [...byNumber].sort(([a], [b]) => a - b).map(([, fields]) => new Form(fields));
    this.#items.push(...items);
    return items;
  }

  /** A map of texts by name, as `Attributes` are. */
  map(name: string): Record<string, string> {
    return Object.fromEntries(
      this.items(name, 'entry').map((item) => [item.required('key'), item.text('value') ?? '']),
    );
  }

  /** The one attribute of a `Set…Attributes`. */
  attribute(): Record<string, string> {
    return { [this.required('AttributeName')]: this.text('AttributeValue') ?? '' };
  }

  /** Refuses what nobody asked for, so that no parameter is ignored in silence. @throws AwsError `InvalidParameter` */
  refuseUnread(operation: string): void {
    for (const name of this.#fields.keys())
      if (!this.#read.has(name))
        throw invalidParameter(`the local cloud does not know ${name} of ${operation}`);
    for (const item of this.#items) item.refuseUnread(operation);
  }
}
