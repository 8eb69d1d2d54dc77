/** What the starter of a staged job returns: the job is not completed, an execution of a state machine carries it from now on. */
export class Started {
  readonly executionArn: string;
  /** How often the execution has been redriven, this life's included. */
  readonly redriveCount: number;

  constructor(executionArn: string, redriveCount: number) {
    this.executionArn = executionArn;
    this.redriveCount = redriveCount;
  }
}
