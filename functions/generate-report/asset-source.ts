import { setTimeout as sleep } from 'node:timers/promises';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { ALLOW_LOOPBACK_VARIABLE } from '../../shared/jobs/environment.ts';
import { HonestJobsError } from '../../shared/jobs/honest-jobs-error.ts';
import { fetchPublic } from '../../shared/outbound/fetch-public.ts';
import { OutboundRefused } from '../../shared/outbound/outbound-refused.ts';

const MOST_BYTES = 30_000_000;
const FETCH_SECONDS = 20;
/** Between the tries of an address that may answer later: a report does not wait long for one of its pictures. */
const PAUSES_MS = [500, 2000];

/** The asset cannot be had, and the report goes on without it. The message says why. */
export class UnreadableAsset extends HonestJobsError {
  override readonly name = 'UnreadableAsset';
  readonly code = 'UNREADABLE_ASSET';
}

export interface AssetSources {
  readonly s3: S3Client;
  readonly bucket: string;
  readonly signal: AbortSignal;
}

/**
 * The bytes of an asset.
 *
 * @throws UnreadableAsset for what is not there, too large, or behind an address that does not answer; anything else when S3 itself fails, so that
 * the stage is tried again
 */
export async function readAsset(source: string, sources: AssetSources): Promise<Uint8Array<ArrayBuffer>> {
  const [, key] = /^s3:\/\/(.+)$/s.exec(source) ?? [];
  return key === undefined ? fromWeb(source, sources) : fromBucket(key, sources);
}

async function fromBucket(
  key: string,
  { s3, bucket, signal }: AssetSources,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const { Body, ContentLength = 0 } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }), {
      abortSignal: signal,
    });
    if (ContentLength > MOST_BYTES) {
      (Body as { destroy?(): void } | undefined)?.destroy?.();
      throw new UnreadableAsset(`it has ${ContentLength} bytes, more than ${MOST_BYTES}`);
    }
    return Uint8Array.from((await Body?.transformToByteArray()) ?? []);
  } catch (error) {
    // To those who may not list a bucket S3 says the same of what is not there as of what they may not read.
    if (error instanceof Error && (error.name === 'NoSuchKey' || error.name === 'AccessDenied'))
      throw new UnreadableAsset(`there is nothing at ${key} that may be read`, { cause: error });
    throw error;
  }
}

async function fromWeb(address: string, { signal }: AssetSources): Promise<Uint8Array<ArrayBuffer>> {
  for (let tried = 0; ; tried++)
    try {
      return await fetchPublic(address, {
        mostBytes: MOST_BYTES,
        timeoutSeconds: FETCH_SECONDS,
        signal,
        allowLoopback: process.env[ALLOW_LOOPBACK_VARIABLE] === 'true',
      });
    } catch (error) {
      if (!(error instanceof OutboundRefused)) throw error;
      const pauseMs = PAUSES_MS[tried];
      if (!error.passing || pauseMs === undefined) throw new UnreadableAsset(error.message, { cause: error });
      await sleep(pauseMs, undefined, { signal });
    }
}
