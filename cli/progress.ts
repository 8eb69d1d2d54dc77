import type { LocalCloud } from '../local/cloud.ts';
import { deadLetterQueueName, queueName, tableName } from '../shared/jobs/names.ts';
import { JOB_SORT_KEY, type JobRecord } from '../shared/jobs/record.ts';
import { JOB_TYPES } from '../shared/jobs/registry.ts';

/** One job type at a glance. */
export interface QueueProgress {
  readonly type: string;
  /** On the queue, due or delayed. */
  readonly waiting: number;
  /** Claimed by a run, or carried by an execution. */
  readonly running: number;
  /** Failed or deferred: the next attempt is later. */
  readonly backingOff: number;
  readonly completed: number;
  readonly duplicates: number;
  /** In the dead-letter queue. */
  readonly dead: number;
}

type Counts = Record<'running' | 'backingOff' | 'completed', number>;

/** What a job may be while no queue has a message of it: an execution carries it, or EventBridge Scheduler brings it back. */
const WITHOUT_MESSAGE: ReadonlySet<JobRecord['state']> = new Set(['started', 'deferred', 'retrying']);

/** Follows the records and the consumers' metrics, so that a look at the progress costs no scan. */
export class Progress {
  readonly #cloud: LocalCloud;
  readonly #stage: string;
  readonly #states = new Map<string, JobRecord['state']>();
  readonly #duplicates = new Map<string, number>();

  constructor(cloud: LocalCloud, stage: string, known: Iterable<JobRecord>) {
    this.#cloud = cloud;
    this.#stage = stage;
    for (const { pk, state } of known) this.#states.set(pk, state);
    const jobsTable = tableName(stage, 'jobs');
    cloud.dynamodb.observe(({ tableName, keys, newImage }) => {
      if (tableName !== jobsTable || keys.sk?.S !== JOB_SORT_KEY) return;
      const pk = keys.pk?.S ?? '';
      const state = newImage?.state?.S as JobRecord['state'] | undefined;
      if (state) this.#states.set(pk, state);
      else this.#states.delete(pk);
    });
  }

  /** Counts a line that a consumer logged, when it is a metric about duplicates. */
  readLog(line: string): void {
    if (!line.includes('"Duplicates"')) return;
    const { service, Duplicates: values } = metricOf(line);
    if (service === undefined) return;
    const added = [values].flat().reduce((sum, value) => sum + value, 0);
    this.#duplicates.set(service, (this.#duplicates.get(service) ?? 0) + added);
  }

  queues(): QueueProgress[] {
    const counts = new Map<string, Counts>();
    for (const [pk, state] of this.#states) {
      const type = pk.slice(0, pk.indexOf('#'));
      const count = counts.get(type) ?? { running: 0, backingOff: 0, completed: 0 };
      if (state === 'retrying' || state === 'deferred') count.backingOff++;
      else if (state === 'running' || state === 'started') count.running++;
      else if (state === 'completed') count.completed++;
      counts.set(type, count);
    }
    return JOB_TYPES.map((type) => {
      const { visible, delayed } = this.#counts(queueName(this.#stage, type));
      const dead = this.#counts(deadLetterQueueName(this.#stage, type));
      const count = counts.get(type);
      return {
        type,
        waiting: visible + delayed,
        running: count?.running ?? 0,
        backingOff: count?.backingOff ?? 0,
        completed: count?.completed ?? 0,
        duplicates: this.#duplicates.get(type) ?? 0,
        dead: dead.visible + dead.notVisible,
      };
    });
  }

  /** Whether nothing is left to do: on any job's queue, and for any job that has no message while an execution carries it or a schedule holds it. */
  drained(): boolean {
    const areQueuesEmpty = JOB_TYPES.every((type) => {
      const { visible, notVisible, delayed } = this.#counts(queueName(this.#stage, type));
      return visible + notVisible + delayed === 0;
    });
    return areQueuesEmpty && ![...this.#states.values()].some((state) => WITHOUT_MESSAGE.has(state));
  }

  #counts(name: string) {
    return this.#cloud.sqs.counts(this.#cloud.sqs.arnOf(name));
  }
}

interface DuplicatesMetric {
  readonly service?: string;
  readonly Duplicates: number | number[];
}

/** A line of a handler's own may have the word in it, too. */
function metricOf(line: string): DuplicatesMetric {
  try {
    const value = JSON.parse(line) as Partial<DuplicatesMetric> | null;
    const { service, Duplicates = 0 } = value ?? {};
    const isMetric = typeof service === 'string' && [Duplicates].flat().every(Number.isFinite);
    return isMetric ? { service, Duplicates } : { Duplicates: 0 };
  } catch {
    return { Duplicates: 0 };
  }
}

export function progressLine({
  type,
  waiting,
  running,
  backingOff,
  completed,
  duplicates,
  dead,
}: QueueProgress): string {
  return `  ${type.padEnd(16)} waiting ${pad(waiting)}  running ${pad(running)}  backing off ${pad(backingOff)}  completed ${pad(completed)}  duplicates ${pad(duplicates)}  dead ${pad(dead)}`;
}

function pad(count: number): string {
  return String(count).padStart(5);
}
