import { hash } from 'node:crypto';
import { receiptHandleIsInvalid } from './errors.ts';

/** What a receipt handle stands for: one receive of one stored message. */
export interface Receipt {
  readonly queueId: number;
  readonly seq: number;
  /** Which receive of that message, counted in its queue from 1. A later receive makes the handle stale. */
  readonly receive: number;
}

const PREFIX = 'AQEB';

export function encodeReceipt({ queueId, seq, receive }: Receipt): string {
  const body = `${queueId}.${seq}.${receive}`;
  return PREFIX + Buffer.from(`${body}.${checksum(body)}`).toString('base64');
}

/** @throws AwsError `ReceiptHandleIsInvalid` for what no receive handed out, or what another queue did */
export function decodeReceipt(handle: string, queueId: number): Receipt {
  const text = handle.startsWith(PREFIX) ? Buffer.from(handle.slice(PREFIX.length), 'base64').toString() : '';
  const [, body = '', queue, seq, receive, sum] = /^((\d+)\.(\d+)\.(\d+))\.(\w+)$/.exec(text) ?? [];
  if (sum === undefined || sum !== checksum(body) || Number(queue) !== queueId)
    throw receiptHandleIsInvalid(handle);
  return { queueId, seq: Number(seq), receive: Number(receive) };
}

/** Tells a damaged handle from a real one; it keeps nobody out. */
function checksum(body: string): string {
  return hash('md5', body).slice(0, 12);
}
