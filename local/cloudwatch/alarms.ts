import { AwsError } from '../kernel/errors.ts';
import type { CloudContext } from '../kernel/service.ts';
import { actionsFor, notificationOf, type Topics } from './alarm-actions.ts';
import { type AlarmDefinition, queriesOf } from './alarm-definition.ts';
import { type AlarmState, evaluationRange, judge } from './alarm-judgement.ts';
import { reasonDataOf, reasonOf, summaryOf } from './alarm-reason.ts';
import { type AlarmRecord, AlarmStore, type HistoryItem } from './alarm-store.ts';
import type { MetricStore } from './metric-store.ts';

export interface AlarmChange {
  readonly alarmName: string;
  readonly from: AlarmState;
  readonly to: AlarmState;
  readonly reason: string;
  /** Cloud time, ms since the epoch. */
  readonly atMs: number;
}

interface Watched {
  alarm: AlarmRecord;
  readonly queries: ReturnType<typeof queriesOf>;
  /** Where the alarm was evaluated with nothing in its range, the youngest data then: only younger can change its state. */
  settledMs: number | undefined;
}

/** The alarms of the account: their states, what changes them, and whom they tell. */
export class Alarms {
  readonly #context: CloudContext;
  readonly #metrics: MetricStore;
  readonly #topics: Topics | undefined;
  readonly #store: AlarmStore;
  readonly #alarms = new Map<string, Watched>();
  readonly #listeners = new Set<(change: AlarmChange) => void>();

  constructor(context: CloudContext, metrics: MetricStore, topics: Topics | undefined) {
    this.#context = context;
    this.#metrics = metrics;
    this.#topics = topics;
    this.#store = new AlarmStore(context.store);
    for (const record of this.#store.all()) this.#watch(record);
  }

  /** By name. */
  all(): readonly AlarmRecord[] {
    return [...this.#alarms.values()]
      .map(({ alarm }) => alarm)
      .sort((one, other) => (one.definition.AlarmName < other.definition.AlarmName ? -1 : 1));
  }

  /** @throws AwsError `ResourceNotFound` */
  get(name: string): AlarmRecord {
    return this.#watched(name).alarm;
  }

  /** Youngest first. */
  history(): readonly HistoryItem[] {
    return this.#store.history();
  }

  /** Tells each change of state, after it is stored. */
  observe(listener: (change: AlarmChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Creates or changes an alarm; its state stays, as on AWS, until it is evaluated. The same definition again changes nothing. */
  put(definition: AlarmDefinition): AlarmRecord {
    const atMs = this.#context.clock.now();
    const existing = this.#alarms.get(definition.AlarmName)?.alarm;
    if (existing && JSON.stringify(existing.definition) === JSON.stringify(definition)) return existing;
    const { region, accountId } = this.#context;
    const record: AlarmRecord = {
      arn: `arn:aws:cloudwatch:${region}:${accountId}:alarm:${definition.AlarmName}`,
      state: 'INSUFFICIENT_DATA',
      reason: 'Unchecked: Initial alarm creation',
      reasonData: undefined,
      stateChangedMs: atMs,
      ...existing,
      definition,
      configuredMs: atMs,
    };
    const verb = existing ? 'updated' : 'created';
    this.#store.save(record, configurationItem(definition.AlarmName, verb, atMs));
    return this.#watch(record);
  }

  /** Those that are not there are left out, as on AWS. */
  delete(names: readonly string[]): void {
    for (const name of names)
      if (this.#alarms.delete(name))
        this.#store.remove(name, configurationItem(name, 'deleted', this.#context.clock.now()));
  }

  /** Until the next evaluation finds another. @throws AwsError `ResourceNotFound` */
  setState(name: string, state: AlarmState, reason: string, reasonData: string | undefined): void {
    const watched = this.#watched(name);
    watched.settledMs = undefined;
    this.#change(watched, state, reason, reasonData, this.#context.clock.now());
  }

  /** @throws AwsError `ResourceNotFound` */
  enableActions(name: string, enabled: boolean): void {
    this.put({ ...this.#watched(name).alarm.definition, ActionsEnabled: enabled });
  }

  /**
   * Evaluates what may have changed, with the data before `minuteMs`.
   *
   * @returns whether an alarm may change its state by time alone
   */
  evaluate(minuteMs: number): boolean {
    let unsettled = false;
    for (const watched of this.#alarms.values()) {
      const { definition } = watched.alarm;
      const { queries, id, periodSeconds } = watched.queries;
      const latestMs = Math.max(...queries.identities.map((identity) => this.#metrics.latestMs(identity)));
      if (watched.settledMs === latestMs) continue;
      const periodMs = periodSeconds * 1000;
      const fromMs = minuteMs - evaluationRange(definition) * periodMs;
      watched.settledMs = latestMs < fromMs ? latestMs : undefined;
      unsettled ||= watched.settledMs === undefined;
      const values = queries.values(id, this.#metrics, fromMs, minuteMs);
      const range = values.map((value, index) => ({ atMs: fromMs + index * periodMs, value })).reverse();
      const judgement = judge(definition, range);
      if (!judgement || judgement.state === watched.alarm.state) continue;
      const reasonData = reasonDataOf(definition, judgement, minuteMs);
      this.#change(watched, judgement.state, reasonOf(definition, judgement), reasonData, minuteMs);
    }
    return unsettled;
  }

  #watched(name: string): Watched {
    const watched = this.#alarms.get(name);
    if (watched) return watched;
    throw new AwsError('ResourceNotFound', `Unknown alarm: ${name}`, 404);
  }

  #watch(alarm: AlarmRecord): AlarmRecord {
    const { definition } = alarm;
    this.#alarms.set(definition.AlarmName, { alarm, queries: queriesOf(definition), settledMs: undefined });
    return alarm;
  }

  #change(
    watched: Watched,
    state: AlarmState,
    reason: string,
    reasonData: string | undefined,
    atMs: number,
  ): void {
    const { alarm: old } = watched;
    const alarmName = old.definition.AlarmName;
    watched.alarm = { ...old, state, reason, reasonData, stateChangedMs: atMs };
    const data = JSON.stringify({
      version: '1.0',
      oldState: { stateValue: old.state, stateReason: old.reason },
      newState: { stateValue: state, stateReason: reason },
    });
    this.#store.save(watched.alarm, {
      atMs,
      type: 'StateUpdate',
      summary: summaryOf(old.state, state),
      data,
    });
    if (state === old.state) return;
    for (const listener of this.#listeners) listener({ alarmName, from: old.state, to: state, reason, atMs });
    for (const action of actionsFor(watched.alarm)) this.#act(watched.alarm, action, old.state);
  }

  /** Publishes, and notes in the history how that went, as AWS does. */
  #act(alarm: AlarmRecord, topicArn: string, oldState: AlarmState): void {
    const { AlarmName } = alarm.definition;
    const note = (summary: string, error?: string) =>
      this.#store.note({
        alarmName: AlarmName,
        atMs: this.#context.clock.now(),
        type: 'Action',
        summary,
        data: JSON.stringify({
          actionState: error ? 'Failed' : 'Succeeded',
          notificationResource: topicArn,
          error,
        }),
      });
    try {
      if (!this.#topics) throw new Error('this local cloud runs without SNS');
      this.#topics.publish(topicArn, notificationOf(this.#context, alarm, oldState), {
        service: 'cloudwatch.amazonaws.com',
        sourceArn: alarm.arn,
      });
      note(`Successfully executed action ${topicArn}`);
    } catch (error) {
      note(`Failed to execute action ${topicArn}`, (error as Error).message);
    }
  }
}

function configurationItem(name: string, verb: string, atMs: number): Omit<HistoryItem, 'alarmName'> {
  const type = { created: 'Create', updated: 'Update', deleted: 'Delete' }[verb];
  return {
    atMs,
    type: 'ConfigurationUpdate',
    summary: `Alarm "${name}" ${verb}`,
    data: JSON.stringify({ version: '1.0', type }),
  };
}
