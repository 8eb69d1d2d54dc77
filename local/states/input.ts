import { AwsError } from '../kernel/errors.ts';
import { validation } from './errors.ts';

export type Input = Readonly<Record<string, unknown>>;

/** @throws AwsError `ValidationException` */
export function text(input: Input, name: string): string {
  const value = input[name];
  if (typeof value === 'string' && value !== '') return value;
  throw validation(
    `1 validation error detected: Value ${JSON.stringify(value ?? null)} at '${name}' failed to satisfy constraint: Member must not be null`,
  );
}

/** Refuses what is not known here, so that nothing is ignored in silence. @throws AwsError `ValidationException` */
export function only(input: Input, operation: string, known: readonly string[]): void {
  for (const [name, value] of Object.entries(input))
    if (!known.includes(name) && value != null)
      throw validation(`The local cloud's Step Functions does not know ${operation}.${name}.`);
}

/** @throws AwsError `ValidationException` */
export function limitOf(input: Input, standard: number): number {
  const limit = input.maxResults || standard;
  if (Number.isInteger(limit) && Number(limit) >= 1 && Number(limit) <= 1000) return Number(limit);
  throw validation(`maxResults is ${JSON.stringify(limit)}; give a whole number from 1 to 1000.`);
}

/** Where a list goes on, as its last page told. @throws AwsError `InvalidToken` */
export function startOf({ nextToken }: Input): number {
  if (nextToken == null) return 0;
  if (typeof nextToken === 'string' && /^\d+$/.test(nextToken)) return Number(nextToken);
  throw new AwsError('InvalidToken', `Invalid Token: '${String(nextToken)}'`);
}
