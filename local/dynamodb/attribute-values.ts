/** A value as it goes over the wire: exactly one of the members is there. Numbers are decimal strings, binary is base64. */
export interface AttributeValue {
  readonly S?: string;
  readonly N?: string;
  readonly B?: string;
  readonly BOOL?: boolean;
  readonly NULL?: boolean;
  readonly SS?: readonly string[];
  readonly NS?: readonly string[];
  readonly BS?: readonly string[];
  readonly L?: readonly AttributeValue[];
  readonly M?: Item;
}

export type Item = Readonly<Record<string, AttributeValue>>;

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html */
export const ITEM_LIMIT_BYTES = 400 * 1024;

/**
 * An item's size as DynamoDB counts it against its limits: names and strings in UTF-8, a number one byte for two significant
 * digits and one more, a list or map 3 bytes and one for each member.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export function itemSizeBytes(item: Item): number {
  let sizeBytes = 0;
  for (const [name, value] of Object.entries(item))
    sizeBytes += Buffer.byteLength(name) + valueSizeBytes(value);
  return sizeBytes;
}

/** Whether an item that takes `jsonLength` characters as JSON can be over `limitBytes`: each of its parts is longer as JSON. */
export function mayExceed(jsonLength: number, limitBytes: number): boolean {
  const MOST_BYTES_A_CHARACTER = 3;
  return jsonLength * MOST_BYTES_A_CHARACTER > limitBytes;
}

function valueSizeBytes(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return numberSizeBytes(value.N);
  if (value.B !== undefined) return Buffer.byteLength(value.B, 'base64');
  if (value.SS) return sum(value.SS, (text) => Buffer.byteLength(text));
  if (value.NS) return sum(value.NS, numberSizeBytes);
  if (value.BS) return sum(value.BS, (base64) => Buffer.byteLength(base64, 'base64'));
  if (value.L) return 3 + sum(value.L, (member) => 1 + valueSizeBytes(member));
  if (value.M) return 3 + Object.keys(value.M).length + itemSizeBytes(value.M);
  return 1;
}

function numberSizeBytes(decimal: string): number {
  const digits = decimal.replace(/^-|\./g, '').replace(/^0+|0+$/g, '').length;
  return Math.ceil(digits / 2) + 1 + (decimal.startsWith('-') ? 1 : 0);
}

function sum<Member>(members: readonly Member[], sizeBytes: (member: Member) => number): number {
  return members.reduce((total, member) => total + sizeBytes(member), 0);
}

/** The same text for the same JSON whatever the order of its members, and of the elements of sets. */
export function canonicalForm(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalForm).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, member]) =>
        `${JSON.stringify(name)}:${isSet(name, member) ? canonicalSet(member) : canonicalForm(member)}`,
    );
  return `{${members.join()}}`;
}

/** An attribute may be called `SS` too, but then its value is an object. */
function isSet(name: string, member: unknown): member is readonly unknown[] {
  return (name === 'SS' || name === 'NS' || name === 'BS') && Array.isArray(member);
}

function canonicalSet(members: readonly unknown[]): string {
  return `[${members.map(canonicalForm).sort().join()}]`;
}
