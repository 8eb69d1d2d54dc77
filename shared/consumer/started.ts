/** What the starter of a staged job returns: the job is not completed, an execution of a state machine carries it from now on. */
export class Started {
  readonly executionArn: string;
  /** How often the execution has been redriven, this life's included. */
  readonly redriveCount: number;
  /** How long it may run: the job's record must outlive it. */
  readonly longestSeconds: number;

  constructor(executionArn: string, redriveCount: number, longestSeconds: number) {
    this.executionArn = executionArn;
    this.redriveCount = redriveCount;
    this.longestSeconds = longestSeconds;
  }
}
