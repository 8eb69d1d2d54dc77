/** Where a fault strikes: the nth time that something is done for a job, or a moment of the world's time. */
export type Site =
  /** A call to DynamoDB for the job's key. */
  | 'records'
  /** A transaction of its handler. */
  | 'transaction'
  /** A ChangeMessageVisibilityBatch of an invocation that has the job. */
  | 'visibility'
  /** The mapping's deletion of its message. */
  | 'deletion'
  /** A SendMessage of the consumer (deferral, renewal). */
  | 'send'
  /** A SendMessageBatch of its publisher. */
  | 'publication'
  /** An invocation that has the job. */
  | 'invocation'
  /** A run of its handler. */
  | 'run'
  /** A call of its handler to the provider outside. */
  | 'provider'
  /** A call to Step Functions for the job. */
  | 'states'
  /** A call to S3 for the job. */
  | 's3'
  /** An invocation of one of its stages. */
  | 'stage'
  /** A run of the code of one of its stages. */
  | 'stage-work'
  /** The event that one of its executions has ended. */
  | 'end'
  /** A request that tells of its event. */
  | 'receiver'
  /** So long after its publication. */
  | 'job-time'
  /** Set once, when the world begins. */
  | 'setting'
  /** A moment of the whole world. */
  | 'time'
  /** A Lambda environment, by number. */
  | 'environment';

/** kind → where it strikes, and the row of the faults table that it stands for. */
export const FAULTS = {
  crash: { site: 'records', row: 5 },
  'crash-in-between': { site: 'invocation', row: 5 },
  'invocation-lost': { site: 'invocation', row: 8 },
  frozen: { site: 'invocation', row: 7 },
  outlives: { site: 'invocation', row: 6 },
  throttled: { site: 'records', row: 14 },
  'server-error': { site: 'records', row: 14 },
  'answer-lost': { site: 'records', row: 14 },
  'no-answer': { site: 'records', row: 14 },
  'slow-answer': { site: 'records', row: 20 },
  'arrives-late': { site: 'records', row: 6 },
  'records-outage': { site: 'time', row: 14 },
  conflict: { site: 'transaction', row: 15 },
  'visibility-refused': { site: 'visibility', row: 9 },
  'visibility-hangs': { site: 'visibility', row: 9 },
  'deletion-refused': { site: 'deletion', row: 12 },
  'send-refused': { site: 'send', row: 4 },
  'send-answer-lost': { site: 'send', row: 4 },
  'crash-around-send': { site: 'send', row: 4 },
  'publish-answer-lost': { site: 'publication', row: 3 },
  'publish-refused': { site: 'publication', row: 3 },
  'delivered-twice': { site: 'job-time', row: 1 },
  'published-again': { site: 'job-time', row: 1 },
  'key-reused': { site: 'job-time', row: 1 },
  cancelled: { site: 'job-time', row: 5 },
  'handler-throws': { site: 'run', row: 19 },
  'handler-no-sooner': { site: 'run', row: 19 },
  'handler-gives-up': { site: 'run', row: 19 },
  'handler-hangs': { site: 'run', row: 6 },
  'handler-slow': { site: 'run', row: 20 },
  'handler-defers': { site: 'run', row: 20 },
  'provider-refuses': { site: 'provider', row: 20 },
  'provider-half-answers': { site: 'provider', row: 20 },
  'provider-hangs': { site: 'provider', row: 20 },
  'provider-slow': { site: 'provider', row: 20 },
  'provider-outage': { site: 'time', row: 20 },
  's3-refused': { site: 's3', row: 20 },
  's3-answer-lost': { site: 's3', row: 20 },
  's3-no-answer': { site: 's3', row: 20 },
  'states-refused': { site: 'states', row: 26 },
  'states-answer-lost': { site: 'states', row: 26 },
  'states-no-answer': { site: 'states', row: 26 },
  'crash-around-states': { site: 'states', row: 26 },
  'stage-crash': { site: 'stage', row: 26 },
  'stage-frozen': { site: 'stage', row: 26 },
  'stage-outlives': { site: 'stage', row: 26 },
  'stage-answer-lost': { site: 'stage', row: 26 },
  'stage-throttled': { site: 'stage', row: 26 },
  'stage-throws': { site: 'stage-work', row: 26 },
  'stage-gives-up': { site: 'stage-work', row: 26 },
  'stage-asks-for-later': { site: 'stage-work', row: 26 },
  'stage-hangs': { site: 'stage-work', row: 26 },
  'end-twice': { site: 'end', row: 26 },
  'end-late': { site: 'end', row: 26 },
  'end-lost': { site: 'end', row: 26 },
  'receiver-slow': { site: 'receiver', row: 28 },
  'receiver-hangs': { site: 'receiver', row: 28 },
  'receiver-half-answers': { site: 'receiver', row: 28 },
  'receiver-answers': { site: 'receiver', row: 28 },
  'answer-malformed': { site: 'invocation', row: 11 },
  'letters-refused': { site: 'time', row: 22 },
  'in-flight-limit': { site: 'setting', row: 13 },
  'expiry-deletion': { site: 'setting', row: 17 },
  'published-much-later': { site: 'job-time', row: 17 },
  poison: { site: 'time', row: 18 },
  'mapping-throttled': { site: 'time', row: 8 },
  'mapping-paused': { site: 'time', row: 23 },
  'console-view': { site: 'time', row: 8 },
  redrive: { site: 'time', row: 21 },
  deploy: { site: 'time', row: 24 },
  'clock-skew': { site: 'environment', row: 16 },
  'clock-step': { site: 'time', row: 16 },
} as const satisfies Record<string, { readonly site: Site; readonly row: number }>;

export type FaultKind = keyof typeof FAULTS;

/** One fault of a plan; which members count depends on its kind. */
export interface Fault {
  readonly kind: FaultKind;
  readonly job?: string;
  /** Which time at its site, from 1. */
  readonly nth?: number;
  /** So many times in a row. @default 1 */
  readonly times?: number;
  readonly moment?: 'before' | 'after';
  readonly environment?: number;
  /** Of an answer. */
  readonly status?: number;
  /** Since the world began, or since the job's publication. */
  readonly atMs?: number;
  /** How long it lasts, or how far a clock is off. */
  readonly ms?: number;
}

/** The faults of one world, found by where they strike. */
export class FaultPlan {
  readonly #bySite = new Map<string, Fault[]>();
  readonly #counters = new Map<string, number>();
  /** How often each kind struck. */
  readonly struck = new Map<FaultKind, number>();
  readonly #told: (fault: Fault) => void;

  constructor(faults: readonly Fault[], told: (fault: Fault) => void) {
    this.#told = told;
    for (const fault of faults) {
      const { site } = FAULTS[fault.kind];
      const key = `${site} ${fault.job ?? fault.environment ?? ''}`;
      const there = this.#bySite.get(key);
      if (there) there.push(fault);
      else this.#bySite.set(key, [fault]);
    }
  }

  /** Counts one more time at a job's site. @returns the faults that strike now */
  at(site: Site, job: string | undefined): readonly Fault[] {
    if (job === undefined) return NONE;
    const key = `${site} ${job}`;
    const faults = this.#bySite.get(key);
    if (!faults) return NONE;
    const nth = (this.#counters.get(key) ?? 0) + 1;
    this.#counters.set(key, nth);
    const now = faults.filter(({ nth: first = 1, times = 1 }) => nth >= first && nth < first + times);
    for (const fault of now) this.strike(fault);
    return now;
  }

  /** All faults of a site that are set by time or environment. */
  of(site: Site, key: string | number = ''): readonly Fault[] {
    return this.#bySite.get(`${site} ${key}`) ?? NONE;
  }

  strike(fault: Fault): void {
    this.struck.set(fault.kind, (this.struck.get(fault.kind) ?? 0) + 1);
    this.#told(fault);
  }
}

const NONE: readonly Fault[] = [];

/** One line a person reads. */
export function describeFault({ kind, ...members }: Fault): string {
  const facts = Object.entries(members).map(([name, value]) => `${name} ${value}`);
  return `${kind} (${facts.join(', ')})`;
}
