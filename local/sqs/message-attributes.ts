import { hash } from 'node:crypto';
import { invalidParameter } from './errors.ts';
import { Parameters } from './parameters.ts';

/** A message attribute as the API has it; binary values are base64. */
export interface MessageAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  readonly BinaryValue?: string;
}

export type MessageAttributes = Readonly<Record<string, MessageAttribute>>;

/** The same as a Lambda event has it. */
export interface EventMessageAttribute {
  readonly dataType: string;
  readonly stringValue?: string;
  readonly binaryValue?: string;
  readonly stringListValues: readonly never[];
  readonly binaryListValues: readonly never[];
}

const MAX_ATTRIBUTES = 10;
const MAX_NAME_LENGTH = 256;
const RESERVED_NAME = /^(aws|amazon)\./i;
const NAME = /^(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]+(?<!\.)$/;
const TYPE = /^(String|Number|Binary)(\..+)?$/s;

/** @throws AwsError `InvalidParameterValueException` */
export function parseMessageAttributes(values: Readonly<Record<string, unknown>>): MessageAttributes {
  const names = Object.keys(values);
  if (names.length > MAX_ATTRIBUTES)
    throw invalidParameter(
      `Number of message attributes [${names.length}] exceeds the allowed maximum [${MAX_ATTRIBUTES}].`,
    );
  return Object.fromEntries(names.map((name) => [name, parseAttribute(name, values[name])]));
}

function parseAttribute(name: string, value: unknown): MessageAttribute {
  if (name.length > MAX_NAME_LENGTH || !NAME.test(name) || RESERVED_NAME.test(name))
    throw invalidParameter(
      `Invalid message attribute name '${name}': it can be up to ${MAX_NAME_LENGTH} characters of A-Z, a-z, 0-9, underscore, ` +
        'hyphen and period, without a period at an end or two in succession, and must not start with "AWS." or "Amazon.".',
    );
  const fields = new Parameters(value, `Message attribute '${name}'`);
  const type = fields.optionalText('DataType') ?? '';
  const text = fields.optionalText('StringValue');
  const binary = fields.optionalText('BinaryValue');
  // Both lists are reserved by the API and never filled.
  for (const reserved of ['StringListValues', 'BinaryListValues']) {
    if ((fields.list(reserved) ?? []).length > 0)
      throw invalidParameter(
        `Message attribute list values in SendMessage operation are not supported: '${name}'.`,
      );
  }
  fields.done();
  const base = TYPE.exec(type)?.[1];
  if (base === undefined)
    throw invalidParameter(
      `The message attribute '${name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.`,
    );
  const [given, other] = base === 'Binary' ? [binary, text] : [text, binary];
  if (!given || other !== undefined)
    throw invalidParameter(
      `The message attribute '${name}' must contain a non-empty ${base === 'Binary' ? 'BinaryValue' : 'StringValue'} and no other value for message attribute type '${type}'.`,
    );
  if (base === 'Number' && !Number.isFinite(Number(given)))
    throw invalidParameter(`Can't cast the value of message (user) attribute '${name}' to a number.`);
  return base === 'Binary' ? { DataType: type, BinaryValue: given } : { DataType: type, StringValue: given };
}

/** Names, types and values count towards a message's size. */
export function attributesSizeBytes(attributes: MessageAttributes): number {
  let size = 0;
  for (const [name, attribute] of Object.entries(attributes))
    size += Buffer.byteLength(name) + Buffer.byteLength(attribute.DataType) + bytesOf(attribute).length;
  return size;
}

/**
 * The MD5 that SDKs check: for each attribute by name, the length (four bytes, big endian) and bytes of name and type, one byte
 * for the kind of value (1 text, 2 binary), and the length and bytes of the value.
 *
 * Source: "Calculating the MD5 message digest for message attributes" in the SQS developer guide.
 */
export function md5OfAttributes(attributes: MessageAttributes): string | undefined {
  const names = Object.keys(attributes).sort();
  if (names.length === 0) return undefined;
  const parts: Buffer[] = [];
  const add = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    parts.push(length, bytes);
  };
  for (const name of names) {
    const attribute = attributes[name];
    if (attribute === undefined) continue;
    add(Buffer.from(name));
    add(Buffer.from(attribute.DataType));
    parts.push(Buffer.of(attribute.BinaryValue === undefined ? 1 : 2));
    add(bytesOf(attribute));
  }
  return hash('md5', Buffer.concat(parts));
}

/** What a receive asked for: exact names, `prefix.*`, `All` or `.*`. */
export function selectAttributes(
  attributes: MessageAttributes,
  wanted: readonly string[],
): MessageAttributes {
  if (wanted.includes('All') || wanted.includes('.*') || wanted.includes('*')) return attributes;
  const matches = (name: string) =>
    wanted.some((want) => want === name || (want.endsWith('.*') && name.startsWith(want.slice(0, -2))));
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => matches(name)));
}

export function asEventAttributes(attributes: MessageAttributes): Record<string, EventMessageAttribute> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { DataType, StringValue, BinaryValue }]) => [
      name,
      {
        ...(StringValue !== undefined && { stringValue: StringValue }),
        ...(BinaryValue !== undefined && { binaryValue: BinaryValue }),
        stringListValues: [],
        binaryListValues: [],
        dataType: DataType,
      },
    ]),
  );
}

function bytesOf({ StringValue, BinaryValue }: MessageAttribute): Buffer {
  return BinaryValue === undefined ? Buffer.from(StringValue ?? '') : Buffer.from(BinaryValue, 'base64');
}
