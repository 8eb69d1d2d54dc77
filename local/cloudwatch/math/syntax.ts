import { validationError } from '../errors.ts';

export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '^'
  | '<'
  | '<='
  | '>'
  | '>='
  | '=='
  | '!='
  | '&&'
  | '||';

/** A metric-math expression as a tree. */
export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'id'; readonly id: string }
  | { readonly kind: 'word'; readonly word: FillMode }
  | { readonly kind: 'negative'; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'list'; readonly items: readonly Expression[] }
  | { readonly kind: 'call'; readonly name: FunctionName; readonly args: readonly Expression[] };

export const FUNCTIONS = ['AVG', 'FILL', 'IF', 'MAX', 'MIN', 'RATE', 'SUM'] as const;
export type FunctionName = (typeof FUNCTIONS)[number];
export type FillMode = 'REPEAT' | 'LINEAR';

const TOKEN =
  /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z_]\w*)|(<=|>=|==|!=|&&|\|\||[-+*/^<>()[\],]))/y;

/** Loosest first; operators of a level bind from left to right. */
const LEVELS: readonly (readonly string[])[] = [
  ['||', 'OR'],
  ['&&', 'AND'],
  ['==', '!=', '<', '<=', '>', '>='],
  ['+', '-'],
  ['*', '/'],
  ['^'],
];

/** @throws AwsError `ValidationException` that names what is not known, or where the text stops making sense */
export function parseExpression(text: string): Expression {
  return new Parser(text).whole();
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokensOf(text);
  }

  whole(): Expression {
    const expression = this.#binary(0);
    if (this.#at < this.#tokens.length) throw this.#unexpected();
    return expression;
  }

  #binary(level: number): Expression {
    const operators = LEVELS[level];
    if (!operators) return this.#unary();
    let left = this.#binary(level + 1);
    for (let token = this.#peek(); token !== undefined && operators.includes(token); token = this.#peek()) {
      this.#at++;
      const operator = (token === 'OR' ? '||' : token === 'AND' ? '&&' : token) as BinaryOperator;
      left = { kind: 'binary', operator, left, right: this.#binary(level + 1) };
    }
    return left;
  }

  #unary(): Expression {
    if (!this.#take('-')) return this.#primary();
    return { kind: 'negative', operand: this.#unary() };
  }

  #primary(): Expression {
    const token = this.#peek();
    if (token === undefined) throw this.#unexpected();
    if (/^[\d.]/.test(token)) {
      this.#at++;
      return { kind: 'number', value: Number(token) };
    }
    if (this.#take('(')) {
      const inner = this.#binary(0);
      this.#expect(')');
      return inner;
    }
    if (this.#take('[')) return { kind: 'list', items: this.#items(']') };
    if (!/^\w/.test(token)) throw this.#unexpected();
    this.#at++;
    if (this.#take('(')) return { kind: 'call', name: this.#known(token), args: this.#items(')') };
    if (token === 'REPEAT' || token === 'LINEAR') return { kind: 'word', word: token };
    if (/^[a-z]/.test(token)) return { kind: 'id', id: token };
    this.#at--;
    throw this.#unexpected();
  }

  #items(closing: string): Expression[] {
    const items: Expression[] = [];
    if (this.#take(closing)) return items;
    do items.push(this.#binary(0));
    while (this.#take(','));
    this.#expect(closing);
    return items;
  }

  #known(name: string): FunctionName {
    const known = FUNCTIONS.find((each) => each === name);
    if (known) return known;
    throw validationError(
      `The expression "${this.#text}" uses the function ${name}, which the local cloud does not know. It knows ${FUNCTIONS.join(', ')}.`,
    );
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  #take(token: string): boolean {
    if (this.#peek() !== token) return false;
    this.#at++;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token)) throw this.#unexpected(token);
  }

  #unexpected(expected?: string): Error {
    const token = this.#peek();
    const found = token === undefined ? 'ends too early' : `has an unexpected "${token}"`;
    const hint = expected === undefined ? '' : ` where "${expected}" belongs`;
    return validationError(`The expression "${this.#text}" ${found}${hint}.`);
  }
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match)
      throw validationError(
        `The expression "${text}" has "${text.slice(from).trimStart()[0]}", which is no part of metric math.`,
      );
    tokens.push((match[1] ?? match[2] ?? match[3]) as string);
  }
  return tokens;
}
