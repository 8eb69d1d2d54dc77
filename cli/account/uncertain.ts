import type { JobRecord } from '../../shared/jobs/record.ts';

/** Whether a step of it may have had its effect when it was given up on: then it may or may not be there, and a person looks. */
export function isUncertain(record: JobRecord | undefined): boolean {
  return record?.state === 'dead' && record.verdict?.uncertain !== undefined;
}
