import { createHash } from 'node:crypto';
import { newUuid } from '../../sns/ids.ts';
import { StateError } from '../errors.ts';
import { isRecord, type Scope } from './scope.ts';

/** https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html */
type Intrinsic = (parameters: readonly unknown[], scope: Scope) => unknown;

/** The longest text that is encoded, decoded or hashed. */
const TEXT_LIMIT = 10_000;
/** The longest list that ArrayRange makes. */
const RANGE_LIMIT = 1000;

export const INTRINSICS: Readonly<Record<string, Intrinsic>> = {
  'States.Array': (values) => values,
  'States.ArrayPartition': ([list, size]) => partition(items(list), whole(size)),
  'States.ArrayContains': ([list, value]) => items(list).some((item) => same(item, value)),
  'States.ArrayRange': ([first, last, step]) => range(whole(first), whole(last), whole(step)),
  'States.ArrayGetItem': ([list, index]) => {
    const item = items(list)[whole(index)];
    if (item === undefined) throw failure(`there is no item ${String(index)}`);
    return item;
  },
  'States.ArrayLength': ([list]) => items(list).length,
  'States.ArrayUnique': ([list]) =>
    items(list).filter((item, index, all) => all.findIndex((other) => same(other, item)) === index),
  'States.Base64Encode': ([value]) => Buffer.from(short(value)).toString('base64'),
  'States.Base64Decode': ([value]) => Buffer.from(short(value), 'base64').toString('utf8'),
  'States.Hash': ([value, algorithm]) =>
    hash(typeof value === 'string' ? short(value) : JSON.stringify(value), text(algorithm)),
  'States.JsonMerge': ([one, other, deep]) => {
    if (deep !== false || !isRecord(one) || !isRecord(other))
      throw failure('it merges two objects, shallowly');
    return { ...one, ...other };
  },
  'States.JsonToString': ([value]) => JSON.stringify(value),
  'States.StringToJson': ([value]) => {
    try {
      return JSON.parse(text(value)) as unknown;
    } catch {
      throw failure('the string is not JSON');
    }
  },
  'States.StringSplit': ([value, separators]) => {
    const set = new Set(text(separators));
    const parts = [''];
    for (const character of text(value))
      if (set.has(character)) parts.push('');
      else parts[parts.length - 1] += character;
    return parts.filter((part) => part !== '');
  },
  'States.MathAdd': ([one, other]) => whole(one) + whole(other),
  'States.MathRandom': ([from, to, seed], { random }) => {
    const share = seed === undefined ? random() : seeded(String(seed));
    return whole(from) + Math.floor(share * (whole(to) - whole(from)));
  },
  'States.UUID': (_, { random }) => newUuid(random),
};

export function partition(list: readonly unknown[], size: number): unknown[][] {
  if (!(size > 0)) throw failure(`a part of ${size} is none`);
  const count = Math.ceil(list.length / size);
  return Array.from({ length: count }, (_, index) => list.slice(index * size, (index + 1) * size));
}

export function range(first: number, last: number, step: number): number[] {
  if (step === 0) throw failure('a step of 0 leads nowhere');
  const length = Math.max(0, Math.floor((last - first) / step) + 1);
  if (length > RANGE_LIMIT) throw failure(`a range of ${length} is too long; at most ${RANGE_LIMIT} fit`);
  return Array.from({ length }, (_, index) => first + index * step);
}

const ALGORITHMS = ['MD5', 'SHA-1', 'SHA-256', 'SHA-384', 'SHA-512'];

export function hash(value: string, algorithm: string): string {
  if (!ALGORITHMS.includes(algorithm)) throw failure(`the algorithm ${algorithm} is unknown`);
  return createHash(algorithm.replace('-', '')).update(value).digest('hex');
}

export function failure(problem: string): StateError {
  return new StateError('States.IntrinsicFailure', `The intrinsic function failed: ${problem}`);
}

/** A number in [0, 1) that the seed decides alone. */
export function seeded(seed: string): number {
  return createHash('sha256').update(seed).digest().readUInt32BE(0) / 2 ** 32;
}

function items(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw failure(`${JSON.stringify(value)} is no array`);
}

function whole(value: unknown): number {
  if (typeof value === 'number') return Math.round(value);
  throw failure(`${JSON.stringify(value)} is no number`);
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw failure(`${JSON.stringify(value)} is no string`);
}

function short(value: unknown): string {
  if (text(value).length <= TEXT_LIMIT) return text(value);
  throw failure(`the string is longer than ${TEXT_LIMIT} characters`);
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
