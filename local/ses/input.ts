import { badRequest } from './errors.ts';

export type Input = Readonly<Record<string, unknown>>;

/** @throws AwsError `BadRequestException` */
export function record(value: unknown, path: string): Input {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Input;
  throw badRequest(`${path} is required and must be an object`);
}

/** Empty for none. @throws AwsError `BadRequestException` */
export function list(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw badRequest(`${path} must be a list`);
}

/** Refuses what SES knows and the local cloud does not, so that nothing is ignored in silence. @throws AwsError `BadRequestException` */
export function refuseUnknown(input: Input, path: string, known: readonly string[]): void {
  for (const [name, value] of Object.entries(input))
    if (!known.includes(name) && value !== undefined && value !== null)
      throw badRequest(`The local cloud's SES does not know ${path}.${name}; it knows ${known.join(', ')}`);
}
