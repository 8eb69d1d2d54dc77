import { validation } from './errors.ts';

export type Input = Readonly<Record<string, unknown>>;

/** @throws AwsError `ValidationException` */
export function record(value: unknown, path: string): Input {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Input;
  throw validation(`${path} is required and must be an object.`);
}

/** @throws AwsError `ValidationException` */
export function text(input: Input, path: string, name: string): string {
  const value = input[name];
  if (typeof value === 'string' && value !== '') return value;
  throw validation(`${path}.${name} is required and must be a string.`);
}

/** Refuses what is not known here, so that nothing is ignored in silence. @throws AwsError `ValidationException` */
export function only(input: Input, path: string, known: readonly string[]): void {
  for (const [name, value] of Object.entries(input))
    if (!known.includes(name) && value != null)
      throw validation(
        `The local cloud's EventBridge Scheduler does not know ${path}.${name}; it knows ${known.join(', ')}.`,
      );
}
