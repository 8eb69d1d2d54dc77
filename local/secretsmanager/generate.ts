import { invalidParameter } from './errors.ts';

/** As `GenerateSecretString` has it: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html */
export interface GenerateOptions {
  readonly PasswordLength?: number | string;
  readonly ExcludeCharacters?: string;
  readonly ExcludeLowercase?: boolean | string;
  readonly ExcludeUppercase?: boolean | string;
  readonly ExcludeNumbers?: boolean | string;
  readonly ExcludePunctuation?: boolean | string;
  readonly IncludeSpace?: boolean | string;
  readonly RequireEachIncludedType?: boolean | string;
  /** JSON of an object, to which the generated text is added under `GenerateStringKey`. */
  readonly SecretStringTemplate?: string;
  readonly GenerateStringKey?: string;
}

export const GENERATE_OPTIONS: readonly (keyof GenerateOptions)[] = [
  'PasswordLength',
  'ExcludeCharacters',
  'ExcludeLowercase',
  'ExcludeUppercase',
  'ExcludeNumbers',
  'ExcludePunctuation',
  'IncludeSpace',
  'RequireEachIncludedType',
  'SecretStringTemplate',
  'GenerateStringKey',
];

const DEFAULT_LENGTH = 32;
const LONGEST_LENGTH = 4096;
const LOWERCASE = 'abcdefghijklmnopqrstuvwxyz';
const NUMBERS = '0123456789';
const PUNCTUATION = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/** The text that a secret begins with. @throws AwsError `InvalidParameterException` */
export function generatedSecret(options: GenerateOptions, random: () => number): string {
  const { SecretStringTemplate: template, GenerateStringKey: key } = options;
  const password = generatedPassword(options, random);
  if (template === undefined && key === undefined) return password;
  if (template === undefined || key === undefined)
    throw invalidParameter('SecretStringTemplate and GenerateStringKey are given together or not at all.');
  const object: unknown = parsed(template);
  if (typeof object !== 'object' || object === null || Array.isArray(object))
    throw invalidParameter('SecretStringTemplate is no JSON object.');
  return JSON.stringify({ ...object, [key]: password });
}

function generatedPassword(options: GenerateOptions, random: () => number): string {
  const length = Number(options.PasswordLength ?? DEFAULT_LENGTH);
  const types = [
    isSet(options.ExcludeLowercase) ? '' : LOWERCASE,
    isSet(options.ExcludeUppercase) ? '' : LOWERCASE.toUpperCase(),
    isSet(options.ExcludeNumbers) ? '' : NUMBERS,
    isSet(options.ExcludePunctuation) ? '' : PUNCTUATION,
    isSet(options.IncludeSpace) ? ' ' : '',
  ]
    .map((type) => [...type].filter((character) => !options.ExcludeCharacters?.includes(character)))
    .filter((type) => type.length > 0);
  if (types.length === 0) throw invalidParameter('All characters are excluded.');
  if (!Number.isInteger(length) || length < types.length || length > LONGEST_LENGTH)
    throw invalidParameter(`PasswordLength is a whole number from ${types.length} to ${LONGEST_LENGTH}.`);
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] ?? '';
  const each = isSet(options.RequireEachIncludedType ?? true) ? types.map(pick) : [];
  const rest = Array.from({ length: length - each.length }, () => pick(types.flat()));
  return rest
    .reduce((text, one) => text.toSpliced(Math.floor(random() * (text.length + 1)), 0, one), each)
    .join('');
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** CloudFormation passes booleans as texts, too. */
function isSet(value: boolean | string | undefined): boolean {
  return String(value) === 'true';
}
