/** What an element holds: text, elements by name, or several elements of the same name. `undefined` is no element at all. */
export type XmlValue = string | number | boolean | undefined | readonly XmlValue[] | XmlElements;
export interface XmlElements {
  readonly [name: string]: XmlValue;
}

/** A whole document, as the AWS protocols that answer XML write it. */
export function xmlDocument(name: string, namespace: string, value: XmlElements): string {
  const declared = namespace === '' ? name : `${name} xmlns="${namespace}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${declared}>${content(value)}</${name}>`;
}

function content(value: XmlValue): string {
  if (value === undefined) return '';
  if (typeof value !== 'object') return escapeXml(String(value));
  return Object.entries(value)
    .map(([name, inner]) =>
      (Array.isArray(inner) ? (inner as readonly XmlValue[]) : [inner as XmlValue])
        .map((each) => (each === undefined ? '' : `<${name}>${content(each)}</${name}>`))
        .join(''),
    )
    .join('');
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Control characters as references: a parser would make line feeds of carriage returns. */
function escapeXml(text: string): string {
  return text.replaceAll(
    /[&<>"]|(?![\t\n])\p{Cc}/gu,
    (character) => ESCAPES[character] ?? `&#${character.charCodeAt(0)};`,
  );
}
