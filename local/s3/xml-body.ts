import { parseXML } from '@aws-sdk/xml-builder';
import { AwsError } from '../kernel/errors.ts';

/** A request's document as plain objects: text where an element holds text, lists where it repeats. @throws AwsError `MalformedXML` */
export function readXml(body: Buffer, root: string): Readonly<Record<string, unknown>> {
  const found = parse(body)?.[root];
  if (typeof found === 'object' && found !== null) return found as Record<string, unknown>;
  if (found === '') return {};
  throw new AwsError(
    'MalformedXML',
    `The XML you provided was not well-formed or did not validate against our published schema: it takes one <${root}>.`,
  );
}

function parse(body: Buffer): Record<string, unknown> | undefined {
  try {
    return parseXML(body.toString('utf8')) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** A repeated element that may be there once, many times or not at all. */
export function xmlList(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  const list = value === undefined ? [] : Array.isArray(value) ? value : [value];
  return list.map((one) => (typeof one === 'object' && one !== null ? one : {}));
}
