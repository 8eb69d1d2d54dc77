/** An error as an AWS service answers it: a code, a message, and whose fault it is. */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly code: string;
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>>;

  /**
   * @param code the service's own error code, as documented (`ResourceNotFoundException`, `QueueDoesNotExist`)
   * @param details what the service adds beside code and message (a failed condition's `Item`, `CancellationReasons`)
   */
  constructor(code: string, message: string, status = 400, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

/** A reason why the local cloud cannot go on that a person can mend; shown as one sentence, without a stack. */
export class LocalCloudError extends Error {
  override readonly name = 'LocalCloudError';
  readonly code: string;

  /** @param code stable, for programs: `PORT_IN_USE`, `STATE_CORRUPT`, `UNKNOWN_RESOURCE`, … */
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
