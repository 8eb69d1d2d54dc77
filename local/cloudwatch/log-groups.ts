import type { CloudContext } from '../kernel/service.ts';

/** So many events a group, the oldest leaving first. */
const EVENTS_LIMIT = 20_000;

export interface LogEvent {
  readonly id: number;
  readonly stream: string;
  readonly message: string;
  readonly atMs: number;
}

export interface LogGroup {
  readonly name: string;
  readonly arn: string;
  readonly createdMs: number;
  /** `undefined`: kept without a limit in time. */
  readonly retentionDays: number | undefined;
  readonly events: LogEvent[];
}

export class LogGroups {
  readonly #context: CloudContext;
  readonly #groups = new Map<string, LogGroup>();
  #nextId = 0;

  constructor(context: CloudContext) {
    this.#context = context;
  }

  put(name: string, retentionDays: number | undefined): LogGroup {
    const { region, accountId, clock } = this.#context;
    const existing = this.#groups.get(name);
    const group: LogGroup = {
      name,
      arn: `arn:aws:logs:${region}:${accountId}:log-group:${name}`,
      createdMs: existing?.createdMs ?? clock.now(),
      retentionDays,
      events: existing?.events ?? [],
    };
    this.#groups.set(name, group);
    return group;
  }

  append(logGroup: string, stream: string, message: string, atMs: number): void {
    const { events } = this.#groups.get(logGroup) ?? this.put(logGroup, undefined);
    events.push({ id: this.#nextId++, stream, message, atMs });
    if (events.length > EVENTS_LIMIT) events.shift();
  }
}
