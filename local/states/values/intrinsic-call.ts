import { failure, INTRINSICS } from './intrinsic-functions.ts';
import { select } from './json-path.ts';
import type { Scope } from './scope.ts';

/** `States.Format('{} of {}', $.a, States.ArrayLength($.b))` and the like. @throws StateError */
export function call(source: string, scope: Scope): unknown {
  const reader = new CallReader(source, scope);
  const value = reader.argument();
  reader.end();
  return typeof value === 'object' && value instanceof Literal ? value.text() : value;
}

/** A string as it was written: only Format must tell `{}` from `\{\}`. */
class Literal {
  readonly raw: string;

  constructor(raw: string) {
    this.raw = raw;
  }

  text(): string {
    return this.raw.replaceAll(/\\(.)/gs, '$1');
  }
}

class CallReader {
  readonly #source: string;
  readonly #scope: Scope;
  #at = 0;

  constructor(source: string, scope: Scope) {
    this.#source = source;
    this.#scope = scope;
  }

  argument(): unknown {
    this.#skip();
    const next = this.#source[this.#at];
    if (next === "'") return this.#literal();
    if (next === '$') return select(this.#path(), this.#scope);
    const word = this.#match(/[A-Za-z][\w.]*/y);
    if (word === undefined) return this.#number();
    if (word === 'true' || word === 'false') return word === 'true';
    if (word === 'null') return null;
    return this.#call(word);
  }

  end(): void {
    this.#skip();
    if (this.#at < this.#source.length) throw this.#malformed();
  }

  #call(name: string): unknown {
    this.#expect('(');
    const given: unknown[] = [];
    this.#skip();
    if (this.#source[this.#at] === ')') this.#at++;
    else
      for (;;) {
        given.push(this.argument());
        this.#skip();
        if (this.#source[this.#at] === ')') break;
        this.#expect(',');
      }
    if (given.length > 0) this.#expect(')');
    if (name === 'States.Format') return format(given);
    const intrinsic = Object.hasOwn(INTRINSICS, name) ? INTRINSICS[name] : undefined;
    if (!intrinsic) throw failure(`${name} is unknown`);
    return intrinsic(given.map(plain), this.#scope);
  }

  #literal(): Literal {
    const quoted = this.#match(/'(?:[^'\\]|\\.)*'/sy);
    if (quoted === undefined) throw this.#malformed();
    return new Literal(quoted.slice(1, -1));
  }

  /** Up to the comma or the bracket that ends the argument: a path has brackets and quotes of its own. */
  #path(): string {
    const path = this.#match(/(?:\[(?:'[^']*'|"[^"]*"|[^\]'"])*\]|[^,)\s[])+/y);
    if (path === undefined) throw this.#malformed();
    return path;
  }

  #number(): number {
    const digits = this.#match(/-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y);
    if (digits === undefined) throw this.#malformed();
    return Number(digits);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #skip(): void {
    this.#match(/\s*/y);
  }

  #expect(character: string): void {
    this.#skip();
    if (this.#source[this.#at] !== character) throw this.#malformed();
    this.#at++;
  }

  #malformed() {
    return failure(`'${this.#source}' cannot be read at character ${this.#at + 1}`);
  }
}

function plain(value: unknown): unknown {
  return value instanceof Literal ? value.text() : value;
}

function format([template, ...values]: readonly unknown[]): string {
  const raw = template instanceof Literal ? template.raw : String(template);
  let used = 0;
  const text = raw.replaceAll(/\\(.)|\{\}/gs, (_, escaped?: string) => {
    if (escaped !== undefined) return escaped;
    if (used >= values.length) throw failure(`'${raw}' has more places than there are values`);
    const value = plain(values[used++]);
    return typeof value === 'string' ? value : JSON.stringify(value);
  });
  if (used < values.length) throw failure(`'${raw}' has fewer places than there are values`);
  return text;
}
