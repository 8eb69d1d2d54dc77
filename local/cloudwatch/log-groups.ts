import { AwsError } from '../kernel/errors.ts';
import type { CloudContext } from '../kernel/service.ts';
import { type LogEvent, LogRing } from './log-ring.ts';

const DAY_MS = 24 * 3600 * 1000;

export interface LogGroup {
  readonly name: string;
  readonly arn: string;
  readonly createdMs: number;
  /** `undefined`: kept without a limit in time. */
  readonly retentionDays: number | undefined;
  readonly ring: LogRing;
}

/** A stream as far as its events are still there. */
export interface LogStream {
  readonly name: string;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly lastIngestedMs: number;
}

/** The log groups of the account, in memory. */
export class LogGroups {
  readonly #context: CloudContext;
  readonly #groups = new Map<string, LogGroup>();
  #nextEventId = 0;

  constructor(context: CloudContext) {
    this.#context = context;
  }

  /** The id that the next event will have. */
  get nextEventId(): number {
    return this.#nextEventId;
  }

  /** By name. */
  all(): readonly LogGroup[] {
    return [...this.#groups.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** @throws AwsError `ResourceNotFoundException` */
  get(name: string): LogGroup {
    const group = this.#groups.get(name);
    if (group) return group;
    throw new AwsError('ResourceNotFoundException', `The specified log group does not exist: ${name}`);
  }

  put(name: string, retentionDays: number | undefined): LogGroup {
    const { region, accountId, clock } = this.#context;
    const existing = this.#groups.get(name);
    const group: LogGroup = {
      name,
      arn: `arn:aws:logs:${region}:${accountId}:log-group:${name}`,
      createdMs: existing?.createdMs ?? clock.now(),
      retentionDays,
      ring: existing?.ring ?? new LogRing(),
    };
    this.#groups.set(name, group);
    return group;
  }

  append(logGroup: string, stream: string, message: string, atMs: number): void {
    const { ring } = this.#groups.get(logGroup) ?? this.put(logGroup, undefined);
    ring.add({ id: this.#nextEventId++, stream, message, atMs, ingestedMs: this.#context.clock.now() });
  }

  /** Oldest first. */
  events({ ring, retentionDays }: LogGroup): readonly LogEvent[] {
    return ring.since(
      retentionDays === undefined
        ? Number.NEGATIVE_INFINITY
        : this.#context.clock.now() - retentionDays * DAY_MS,
    );
  }

  /** By name. */
  streams(group: LogGroup): readonly LogStream[] {
    const streams = new Map<string, LogStream>();
    for (const { stream, atMs, ingestedMs } of this.events(group)) {
      const known = streams.get(stream);
      streams.set(stream, {
        name: stream,
        firstMs: Math.min(known?.firstMs ?? atMs, atMs),
        lastMs: Math.max(known?.lastMs ?? atMs, atMs),
        lastIngestedMs: ingestedMs,
      });
    }
    return [...streams.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }
}
