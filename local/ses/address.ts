import { badRequest } from './errors.ts';

/** One mailbox as a header names it: `Ann Lee <ann@example.com>`. */
export interface Mailbox {
  /** Without quotes and escapes; may hold RFC 2047 encoded words. Empty without one. */
  readonly name: string;
  readonly address: string;
}

const SPECIALS = '()<>,;:\\"[]@';

/**
 * Reads one mailbox, and refuses what SES refuses with its texts. SES's texts are those of JavaMail's strict
 * `InternetAddress`: https://jakarta.ee/specifications/mail/2.1/apidocs/jakarta.mail/jakarta/mail/internet/internetaddress
 *
 * @throws AwsError `BadRequestException`
 */
export function parseMailbox(text: string): Mailbox {
  const trimmed = text.trim();
  if (trimmed === '') throw badRequest(`Invalid email address ${trimmed}.`);
  const { name = '', address = trimmed } =
    /^(?<name>"(?:[^"\\]|\\.)*"|[^"<>]*)<(?<address>[^<>]*)>$/s.exec(trimmed)?.groups ?? {};
  if (/\p{Cc}/u.test(name)) throw badRequest('Illegal address');
  checkAddress(address);
  return { name: unquoted(name.trim()), address };
}

/** The domain in lower case. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : name;
}

function checkAddress(address: string): void {
  const at = checkLocalPart(address);
  const domain = address.slice(at + 1);
  if (domain === '') throw badRequest('Missing domain');
  if (domain.startsWith('.')) throw badRequest('Domain starts with dot');
  if (/^\[[^[\]]*\]$/.test(domain)) return;
  if (isControlOrSpace(domain)) throw badRequest('Domain contains control or whitespace');
  if (/[^A-Za-z0-9.-]/.test(domain)) throw badRequest('Domain contains illegal character');
  if (domain.includes('..')) throw badRequest('Domain contains dot-dot');
  if (domain.endsWith('.')) throw badRequest('Domain ends with dot');
}

/** @returns where the `@` is */
function checkLocalPart(address: string): number {
  const quoted = /^"(?:[^"\\]|\\.)*"/s.exec(address)?.[0];
  if (quoted !== undefined) {
    if (address[quoted.length] === '@') return quoted.length;
    throw badRequest(
      quoted.length === address.length ? "Missing final '@domain'" : 'Quote not at end of local address',
    );
  }
  if (address.startsWith('"')) throw badRequest('Unterminated quote');
  const at = address.indexOf('@');
  const local = at < 0 ? address : address.slice(0, at);
  if (at === 0) throw badRequest('Missing local name');
  if (isControlOrSpace(local)) throw badRequest('Local address contains control or whitespace');
  if (local.startsWith('.')) throw badRequest('Local address starts with dot');
  if (local.includes('..')) throw badRequest('Local address contains dot-dot');
  if (local.includes('"')) throw badRequest('Quote not at start of local address');
  // SES takes no internationalized local part: it does not speak SMTPUTF8.
  if ([...local].some((character) => SPECIALS.includes(character) || character > '~'))
    throw badRequest('Local address contains illegal character');
  if (at < 0) throw badRequest("Missing final '@domain'");
  if (local.endsWith('.')) throw badRequest('Local address ends with dot');
  return at;
}

function isControlOrSpace(text: string): boolean {
  return /[\p{Cc}\s]/u.test(text);
}
