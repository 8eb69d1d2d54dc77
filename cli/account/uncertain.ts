import type { JobRecord } from '../../shared/jobs/record.ts';

/** Whether its reason says that a step of it may have had its effect: then it may or may not be there, and a person looks. */
export function isUncertain(record: JobRecord | undefined): boolean {
  const { code = '', message = '' } = record?.verdict ?? {};
  return record?.state === 'dead' && (code.endsWith('_UNCERTAIN') || /left no certain outcome/.test(message));
}
