/** What an environment's thread is given when it starts. */
export interface EnvironmentData {
  /** The cloud clock's state, for `sharedClock`. */
  readonly clock: SharedArrayBuffer;
  /** One Float64: by how many milliseconds this environment's `Date` differs from the cloud's clock. */
  readonly skew: SharedArrayBuffer;
  /** For the fault room: the init phase fails with this message. */
  readonly startError?: string | undefined;
  /** One Int32, raised by one for each invocation that is posted; the thread sleeps on it while it is frozen. */
  readonly wakeUps: SharedArrayBuffer;
  readonly taskRoot: string;
  /** `file.export`, as the function's Handler. */
  readonly handler: string;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryMb: number;
  readonly logGroup: string;
  readonly logStream: string;
  readonly logFormat: 'Text' | 'JSON';
  /** For the JSON format: lines below this level are not written. */
  readonly applicationLogLevel: string;
}

/** One invocation, to the thread. */
export interface InvocationMessage {
  readonly requestId: string;
  /** JSON. */
  readonly payload: string;
  /** In the cloud's time. */
  readonly deadlineMs: number;
  readonly traceHeader: string;
  /** JSON, or absent. */
  readonly clientContext?: string | undefined;
}

/** An error as Lambda's runtime reports it. */
export interface ReportedError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

/** From the thread. */
export type ThreadMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'line'; readonly text: string }
  /** The invocation's end; exactly one of `payload` (JSON) and `error`. */
  | {
      readonly type: 'end';
      readonly payload?: string;
      readonly error?: ReportedError;
      readonly usedBytes: number;
    }
  /** The environment is lost: the code did not load, or an error escaped its handler. */
  | { readonly type: 'fatal'; readonly error: ReportedError };
