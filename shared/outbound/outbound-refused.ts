import { HonestJobsError } from '../jobs/honest-jobs-error.ts';

/** Why a request to somebody else's address brought nothing. The message names the host and never the rest of the address, which may hold a secret. */
export class OutboundRefused extends HonestJobsError {
  override readonly name = 'OutboundRefused';
  readonly code: string;
  /** Whether trying again may help. */
  readonly passing: boolean;
  /** Whether the request may have reached its receiver. */
  readonly sent: boolean;

  constructor(
    code: string,
    message: string,
    { passing = false, sent = false, ...options }: ErrorOptions & { passing?: boolean; sent?: boolean } = {},
  ) {
    super(message, options);
    this.code = code;
    this.passing = passing;
    this.sent = sent;
  }
}
