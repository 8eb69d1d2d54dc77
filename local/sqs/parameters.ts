import { AwsError } from '../kernel/errors.ts';
import { invalidParameter, missingParameter } from './errors.ts';

/**
 * Reads one request's parameters and checks their JSON types. What was never asked for when {@link Parameters.done} is
 * called is unknown, and refused: AWS would ignore it, but here a misspelt parameter must not pass in silence.
 */
export class Parameters {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #where: string;
  readonly #asked = new Set<string>();

  /** @param where names the request or the batch entry in error messages */
  constructor(values: unknown, where: string) {
    if (values === null || typeof values !== 'object' || Array.isArray(values))
      throw new AwsError('SerializationException', `${where} must be a JSON object`);
    this.#values = values as Readonly<Record<string, unknown>>;
    this.#where = where;
  }

  text(name: string): string {
    const value = this.optionalText(name);
    if (value === undefined) throw missingParameter(name);
    return value;
  }

  optionalText(name: string): string | undefined {
    return this.#read(name, 'a string', (value) => typeof value === 'string') as string | undefined;
  }

  optionalInteger(name: string): number | undefined {
    return this.#read(name, 'an integer', (value) => Number.isInteger(value)) as number | undefined;
  }

  integer(name: string): number {
    const value = this.optionalInteger(name);
    if (value === undefined) throw missingParameter(name);
    return value;
  }

  texts(name: string): readonly string[] {
    const isTexts = (value: unknown) =>
      Array.isArray(value) && value.every((item) => typeof item === 'string');
    return (this.#read(name, 'a list of strings', isTexts) as string[] | undefined) ?? [];
  }

  /** A JSON object whose values are strings. */
  textMap(name: string): Readonly<Record<string, string>> {
    const isMap = (value: unknown) =>
      isObject(value) && Object.values(value).every((item) => typeof item === 'string');
    return (this.#read(name, 'a map of strings', isMap) as Record<string, string> | undefined) ?? {};
  }

  object(name: string): Readonly<Record<string, unknown>> | undefined {
    return this.#read(name, 'an object', isObject) as Record<string, unknown> | undefined;
  }

  list(name: string): readonly unknown[] | undefined {
    return this.#read(name, 'a list', Array.isArray) as unknown[] | undefined;
  }

  done(): void {
    for (const name of Object.keys(this.#values)) {
      if (!this.#asked.has(name) && this.#values[name] != null)
        throw invalidParameter(`${this.#where} has no parameter "${name}" that the local cloud knows.`);
    }
  }

  #read(name: string, expected: string, matches: (value: unknown) => boolean): unknown {
    this.#asked.add(name);
    const value = this.#values[name] ?? undefined;
    if (value !== undefined && !matches(value))
      throw new AwsError('SerializationException', `${this.#where}: parameter ${name} must be ${expected}`);
    return value;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
