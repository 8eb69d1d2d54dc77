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
    /^(?<name>"(?:[^"\\]|\\.)*"\s*|[^"<>]*)<(?<address>[^<>]*)>$/s.exec(trimmed)?.groups ?? {};
  checkName(name.trim());
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

/** A name with special characters must be quoted; with a comma it is taken for an address of its own. */
function checkName(name: string): void {
  const [beforeComma, ...others] = name.startsWith('"') ? [name] : name.split(',');
  if (others.length > 0) checkAddress(beforeComma?.trim() ?? '');
  if (others.length > 0 || /\p{Cc}/u.test(name) || (!name.startsWith('"') && /[;:@()[\]\\]/.test(name)))
    throw badRequest('Illegal address');
}

function checkAddress(address: string): void {
  const domain = address.slice(checkLocalPart(address) + 1);
  if (domain === '') throw badRequest('Missing domain');
  if (domain.startsWith('.')) throw badRequest('Domain starts with dot');
  if (/^\[[!-Z^-~]*\]$/.test(domain)) return;
  const bad = /[^A-Za-z0-9.-]/.exec(domain)?.[0];
  if (bad !== undefined)
    throw badRequest(
      `Domain contains ${isControlOrSpace(bad) ? 'control or whitespace' : 'illegal character'}`,
    );
  if (domain.includes('..')) throw badRequest('Domain contains dot-dot');
  if (domain.endsWith('.')) throw badRequest('Domain ends with dot');
}

/** @returns where the `@` is */
function checkLocalPart(address: string): number {
  if (address.startsWith('"')) return checkQuotedLocalPart(address);
  const at = address.indexOf('@');
  const local = at < 0 ? address : address.slice(0, at);
  if (at === 0) throw badRequest('Missing local name');
  // SES takes no internationalized local part: it does not speak SMTPUTF8.
  const bad = [...local].find((character) => SPECIALS.includes(character) || !isPrintable(character));
  if (local.startsWith('.')) throw badRequest('Local address starts with dot');
  if (local.includes('..')) throw badRequest('Local address contains dot-dot');
  if (bad === '"') throw badRequest('Quote not at start of local address');
  if (bad !== undefined)
    throw badRequest(
      `Local address contains ${isControlOrSpace(bad) ? 'control or whitespace' : 'illegal character'}`,
    );
  if (at < 0) throw badRequest("Missing final '@domain'");
  if (local.endsWith('.')) throw badRequest('Local address ends with dot');
  return at;
}

function checkQuotedLocalPart(address: string): number {
  const quoted = /^"(?:[^"\\]|\\.)*"/s.exec(address)?.[0];
  if (quoted === undefined) throw badRequest('Unterminated quote');
  if (/\p{Cc}/u.test(quoted)) throw badRequest('Local address contains control or whitespace');
  if (/[^ -~]/.test(quoted)) throw badRequest('Local address contains illegal character');
  if (quoted.length === address.length) throw badRequest("Missing final '@domain'");
  if (address[quoted.length] !== '@') throw badRequest('Quote not at end of local address');
  return quoted.length;
}

function isPrintable(character: string): boolean {
  return character > ' ' && character <= '~';
}

function isControlOrSpace(text: string): boolean {
  return /[\p{Cc}\s]/u.test(text);
}
