/** One HTTP request and its answer, both bounded. */

const LONGEST_ANSWER_BYTES = 64 * 1024;

/** The request never left: no connection, or none to whom it was meant for. */
export class NeverSent extends Error {
  override readonly name = 'NeverSent';
}

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  /** The body's JSON; `undefined` where it is none, broke off, or did not end within the bounds. */
  readonly json: unknown;
}

/** Codes of Node.js and undici for a connection that was never made, or whose other end did not prove who it is. */
const NEVER_SENT: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/**
 * Redirects are not followed: whoever answers in the other's place learns nothing.
 *
 * @throws NeverSent when the request certainly did not leave; anything else when nobody can tell
 */
export async function exchange(url: URL, request: RequestInit): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(url, { ...request, redirect: 'manual' });
  } catch (error) {
    const { cause } = error as Error;
    const { code } = (cause ?? {}) as { code?: unknown };
    if (NEVER_SENT.has(code))
      throw new NeverSent(`The card provider cannot be reached: ${code}`, { cause: error });
    throw error;
  }
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    json: await jsonOf(response),
  };
}

async function jsonOf(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > LONGEST_ANSWER_BYTES) return undefined;
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    // What the body says is never shown, and of a broken one nobody can tell what it would have said.
    return undefined;
  }
}
