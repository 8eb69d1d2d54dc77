import type { StatementSync } from 'node:sqlite';
import type { Store } from '../kernel/store.ts';
import type { AlarmDefinition } from './alarm-definition.ts';
import type { AlarmState } from './alarm-judgement.ts';

/** What is kept of an alarm over a restart. */
export interface AlarmRecord {
  readonly arn: string;
  readonly definition: AlarmDefinition;
  readonly state: AlarmState;
  readonly reason: string;
  /** JSON; `undefined` before the first change of state. */
  readonly reasonData: string | undefined;
  readonly configuredMs: number;
  readonly stateChangedMs: number;
}

export interface HistoryItem {
  readonly alarmName: string;
  readonly atMs: number;
  readonly type: 'ConfigurationUpdate' | 'StateUpdate' | 'Action';
  readonly summary: string;
  /** JSON. */
  readonly data: string;
}

/** AWS keeps 30 days; a flapping alarm in fast time must not fill the disk, so the youngest items of all alarms. */
const HISTORY_LIMIT = 5000;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS cloudwatch_alarms (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS cloudwatch_alarm_history (
  seq INTEGER PRIMARY KEY,
  alarmName TEXT NOT NULL,
  atMs REAL NOT NULL,
  type TEXT NOT NULL,
  summary TEXT NOT NULL,
  data TEXT NOT NULL
) STRICT;
`;

/** Alarms and their history on disk. */
export class AlarmStore {
  readonly #store: Store;
  readonly #save: StatementSync;
  readonly #remove: StatementSync;
  readonly #note: StatementSync;
  readonly #trim: StatementSync;

  constructor(store: Store) {
    this.#store = store;
    const { db } = store;
    db.exec(SCHEMA);
    this.#save = db.prepare('INSERT OR REPLACE INTO cloudwatch_alarms (name, record) VALUES (?, ?)');
    this.#remove = db.prepare('DELETE FROM cloudwatch_alarms WHERE name = ?');
    this.#note = db.prepare(
      'INSERT INTO cloudwatch_alarm_history (alarmName, atMs, type, summary, data) VALUES (?, ?, ?, ?, ?)',
    );
    this.#trim = db.prepare(
      'DELETE FROM cloudwatch_alarm_history WHERE seq <= (SELECT max(seq) FROM cloudwatch_alarm_history) - ?',
    );
  }

  all(): readonly AlarmRecord[] {
    const rows = this.#store.db.prepare('SELECT record FROM cloudwatch_alarms').all();
    return rows.map(({ record }) => JSON.parse(String(record)) as AlarmRecord);
  }

  save(record: AlarmRecord, ...items: readonly Omit<HistoryItem, 'alarmName'>[]): void {
    const { AlarmName } = record.definition;
    this.#store.transaction(() => {
      this.#save.run(AlarmName, JSON.stringify(record));
      for (const item of items) this.note({ alarmName: AlarmName, ...item });
    });
  }

  remove(name: string, item: Omit<HistoryItem, 'alarmName'>): void {
    this.#store.transaction(() => {
      this.#remove.run(name);
      this.note({ alarmName: name, ...item });
    });
  }

  note({ alarmName, atMs, type, summary, data }: HistoryItem): void {
    this.#note.run(alarmName, atMs, type, summary, data);
    this.#trim.run(HISTORY_LIMIT);
  }

  /** Youngest first. */
  history(): readonly HistoryItem[] {
    const rows = this.#store.db
      .prepare('SELECT alarmName, atMs, type, summary, data FROM cloudwatch_alarm_history ORDER BY seq DESC')
      .all();
    return rows as unknown as HistoryItem[];
  }
}
