import { HonestJobsError } from '../shared/jobs/honest-jobs-error.ts';

/** Wrong options or input: shown as one sentence, exit code 2. */
export class UsageError extends HonestJobsError {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
}
