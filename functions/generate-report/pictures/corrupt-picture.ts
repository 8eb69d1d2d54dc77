import { HonestJobsError } from '../../../shared/jobs/honest-jobs-error.ts';

/** The bytes are no picture that can be shown, and never will be. The message says why, in words that follow "because". */
export class CorruptPicture extends HonestJobsError {
  override readonly name = 'CorruptPicture';
  readonly code = 'CORRUPT_PICTURE';
}
