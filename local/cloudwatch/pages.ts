import { AwsError } from '../kernel/errors.ts';

/** One page of a list, and the token of the next. @throws AwsError `InvalidNextToken` */
export function pageOf<Item>(
  items: readonly Item[],
  token: string | undefined,
  limit: number,
): { readonly page: readonly Item[]; readonly next: string | undefined } {
  const from = token === undefined ? 0 : Number(Buffer.from(token, 'base64url').toString());
  if (!Number.isInteger(from) || from < 0)
    throw new AwsError('InvalidNextToken', `The token "${token}" was not given by this service`);
  const to = from + limit;
  const next = to < items.length ? Buffer.from(String(to)).toString('base64url') : undefined;
  return { page: items.slice(from, to), next };
}
