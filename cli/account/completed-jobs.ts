import { type JobRecord, jobPartitionKey } from '../../shared/jobs/record.ts';
import type { FeedEntry, JobIdentity } from '../feed.ts';
import type { Evidence } from './evidence.ts';

/** The jobs of a type that completed as they were published, by key. */
export function completedJobs(
  accepted: readonly FeedEntry[],
  type: string,
  records: Evidence['records'],
): Map<string, JobIdentity> {
  const completed = new Map<string, JobIdentity>();
  for (const entry of accepted) {
    const identity = entry.job.type === type ? identityOf(entry) : undefined;
    const record = identity && records.get(jobPartitionKey(type, identity.key));
    if (record?.state === 'completed' && record.payloadHash === identity?.payloadHash)
      completed.set(identity.key, identity);
  }
  return completed;
}

const ENDS: ReadonlySet<JobRecord['state']> = new Set(['completed', 'dead', 'expired', 'cancelled']);

export function hasEnded(record: Pick<JobRecord, 'state'> | undefined): boolean {
  return record !== undefined && ENDS.has(record.state);
}

/** Which job a line of the feed is; `undefined` for a body that can never be one. */
export function identityOf(entry: FeedEntry): JobIdentity | undefined {
  return entry.kind === 'job' ? entry : entry.reads;
}
