import { invalidParameter } from './errors.ts';
import type { Form } from './form.ts';

const PAGE_SIZE = 100;

/** Where `NextToken` says that the page begins. @throws AwsError `InvalidParameter` */
export function startOf(form: Form): number {
  const start = Number(form.text('NextToken') ?? 0);
  if (!Number.isInteger(start) || start < 0) throw invalidParameter('NextToken');
  return start;
}

export function page<Item>(
  all: readonly Item[],
  start: number,
): { items: readonly Item[]; NextToken: string | undefined } {
  const end = start + PAGE_SIZE;
  return { items: all.slice(start, end), NextToken: end < all.length ? String(end) : undefined };
}

/** A map as the query protocol writes it. */
export function entries(map: Record<string, string>) {
  return { entry: Object.entries(map).map(([key, value]) => ({ key, value })) };
}

export function ownerOf(arn: string): string {
  return arn.split(':')[4] ?? '';
}
