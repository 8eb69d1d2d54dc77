import type { Store } from '../kernel/store.ts';

/**
 * Settings that were changed through the API after their deployment. They outlive a restart, which deploys the same
 * template again, as they would on AWS, where the template is not applied until it changes.
 */
export class KeptChanges {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
    store.db.exec(
      'CREATE TABLE IF NOT EXISTS lambda_changes (name TEXT PRIMARY KEY, deployed TEXT NOT NULL, changed TEXT NOT NULL) STRICT',
    );
  }

  /** JSON has no undefined, which takes a setting away: null is what survives being stored. */
  keep(name: string, deployed: unknown, changed: unknown): void {
    this.#store.db
      .prepare('INSERT OR REPLACE INTO lambda_changes (name, deployed, changed) VALUES (?, ?, ?)')
      .run(
        name,
        JSON.stringify(deployed),
        JSON.stringify(changed, (_, value) => value ?? null),
      );
  }

  /** The changed settings, unless what is deployed has changed since: then the template wins. */
  over<Settings>(name: string, deployed: Settings): Settings {
    const row = this.#store.db
      .prepare('SELECT deployed, changed FROM lambda_changes WHERE name = ?')
      .get(name);
    if (row?.deployed === JSON.stringify(deployed)) {
      const changed = Object.entries(JSON.parse(String(row.changed)) as Partial<Settings>);
      return { ...deployed, ...Object.fromEntries(changed.map(([key, value]) => [key, value ?? undefined])) };
    }
    this.#store.db.prepare('DELETE FROM lambda_changes WHERE name = ?').run(name);
    return deployed;
  }
}
