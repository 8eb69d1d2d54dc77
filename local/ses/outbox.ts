import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StatementSync } from 'node:sqlite';
import type { Store } from '../kernel/store.ts';
import type { SentMail } from './mail.ts';

/** A row is the truth; the file lies beside it under this name until the row is there. */
const UNFINISHED = '.unfinished';

/** Every mail that SES has taken, in order; as files too where the store has a folder. */
export class Outbox {
  readonly #store: Store;
  readonly #directory: string | undefined;
  readonly #insert: StatementSync;
  readonly #all: StatementSync;
  readonly #find: StatementSync;
  readonly #countSince: StatementSync;

  constructor(store: Store) {
    const { db, directory } = store;
    this.#store = store;
    db.exec(
      'CREATE TABLE IF NOT EXISTS ses_mails (id INTEGER PRIMARY KEY, messageId TEXT NOT NULL UNIQUE, atMs REAL NOT NULL, mail TEXT NOT NULL) STRICT',
    );
    this.#insert = db.prepare('INSERT INTO ses_mails (messageId, atMs, mail) VALUES (?, ?, ?)');
    this.#all = db.prepare('SELECT mail FROM ses_mails ORDER BY id');
    this.#find = db.prepare('SELECT 1 FROM ses_mails WHERE messageId = ?');
    this.#countSince = db.prepare('SELECT count(*) AS mails FROM ses_mails WHERE atMs >= ?');
    if (directory === undefined) return;
    this.#directory = join(directory, 'mail');
    mkdirSync(this.#directory, { recursive: true });
    this.#finish(this.#directory);
  }

  /** @param alongside what is written with it, or not at all */
  add(mail: Omit<SentMail, 'emlPath'>, eml: Buffer | undefined, alongside: () => void): void {
    const path = eml && this.#pathOf(mail.messageId);
    if (eml && path !== undefined) writeFileSync(path + UNFINISHED, eml);
    this.#store.transaction(() => {
      this.#insert.run(mail.messageId, mail.atMs, JSON.stringify({ ...mail, hasFile: path !== undefined }));
      alongside();
    });
    if (path !== undefined) renameSync(path + UNFINISHED, path);
  }

  all(): SentMail[] {
    return this.#all.all().map(({ mail }) => {
      const { hasFile, ...sent } = JSON.parse(String(mail)) as SentMail & { hasFile: boolean };
      // The folder may have been moved since the mail was sent.
      const emlPath = hasFile ? this.#pathOf(sent.messageId) : undefined;
      return { ...sent, ...(emlPath !== undefined && { emlPath }) };
    });
  }

  countSince(sinceMs: number): number {
    return Number(this.#countSince.get(sinceMs)?.mails);
  }

  #pathOf(messageId: string): string | undefined {
    return this.#directory === undefined ? undefined : join(this.#directory, `${messageId}.eml`);
  }

  /** The process may have died between file and row (nobody was told that the mail was taken), or between row and renaming. */
  #finish(directory: string): void {
    for (const name of readdirSync(directory)) {
      if (!name.endsWith(`.eml${UNFINISHED}`)) continue;
      const finished = name.slice(0, -UNFINISHED.length);
      if (this.#find.get(finished.slice(0, -'.eml'.length)))
        renameSync(join(directory, name), join(directory, finished));
      else rmSync(join(directory, name));
    }
  }
}
