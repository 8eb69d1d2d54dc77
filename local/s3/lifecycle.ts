import type { Bucket } from './buckets.ts';
import type { Objects } from './objects.ts';
import type { Uploads } from './uploads.ts';

/** One enabled rule; each part is left out where the rule does not say it. */
export interface LifecycleRule {
  readonly prefix: string;
  readonly expirationDays?: number;
  readonly noncurrentDays?: number;
  readonly abortUploadDays?: number;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/**
 * Carries the buckets' lifecycle rules out when a bucket is used, at most once a cloud hour. Like AWS, which counts from the
 * midnight (UTC) after the day of an object's last change.
 */
export class Lifecycle {
  readonly #objects: Objects;
  readonly #uploads: Uploads;
  readonly #nextMs = new Map<string, number>();

  constructor(objects: Objects, uploads: Uploads) {
    this.#objects = objects;
    this.#uploads = uploads;
  }

  apply({ name, settings }: Bucket, nowMs: number): void {
    if (settings.lifecycle.length === 0 || nowMs < (this.#nextMs.get(name) ?? 0)) return;
    this.#nextMs.set(name, nowMs + HOUR_MS);
    for (const rule of settings.lifecycle) {
      if (rule.expirationDays !== undefined)
        this.#expire(name, rule.prefix, dueMs(nowMs, rule.expirationDays), settings.versioning);
      if (rule.noncurrentDays !== undefined)
        this.#dropNoncurrent(name, rule.prefix, dueMs(nowMs, rule.noncurrentDays));
      if (rule.abortUploadDays !== undefined)
        for (const upload of this.#uploads.all(name))
          if (upload.key.startsWith(rule.prefix) && upload.startedMs <= dueMs(nowMs, rule.abortUploadDays))
            this.#uploads.remove(upload.id);
    }
  }

  #expire(
    bucket: string,
    prefix: string,
    beforeMs: number,
    versioning: Bucket['settings']['versioning'],
  ): void {
    for (const object of this.#objects.older(bucket, beforeMs)) {
      if (!object.latest || object.blobId === undefined || !object.key.startsWith(prefix)) continue;
      if (versioning === undefined) this.#objects.remove(bucket, object.key, object.versionId);
      else this.#objects.mark(bucket, object.key, versioning === 'Enabled');
    }
  }

  #dropNoncurrent(bucket: string, prefix: string, beforeMs: number): void {
    for (const object of this.#objects.older(bucket, beforeMs))
      if (!object.latest && object.key.startsWith(prefix))
        this.#objects.remove(bucket, object.key, object.versionId);
  }
}

/** What was last changed then or earlier is due: its midnight and the rule's days have passed. */
function dueMs(nowMs: number, days: number): number {
  return Math.floor(nowMs / DAY_MS) * DAY_MS - days * DAY_MS - 1;
}
