import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LocalCloudError } from './errors.ts';

/** One file holds the state of all services. Each service makes its own tables (`CREATE TABLE IF NOT EXISTS`). */
export interface Store {
  readonly db: DatabaseSync;
  /** The folder for what is kept as files (mail, objects); `undefined` when the state lives in memory. */
  readonly directory: string | undefined;
  /** Runs `work` in one transaction: all of its writes are kept, or none. May be nested; the outermost decides. */
  transaction<Result>(work: () => Result): Result;
  close(): void;
}

/** Raised when a service changes its tables in a way that older state cannot follow. */
const STATE_VERSION = 1;

/**
 * Opens (or creates) the state in `directory`, or in memory without one.
 *
 * WAL with synchronous NORMAL: what was committed survives the death of this process at any moment; only a power cut can
 * lose the last commits, which a local cloud may.
 *
 * @throws LocalCloudError `STATE_CORRUPT` for a file that is no state of this cloud, `STATE_VERSION` for one of another version
 */
export function openStore(directory?: string): Store {
  if (directory !== undefined) mkdirSync(directory, { recursive: true });
  const file = directory === undefined ? ':memory:' : join(directory, 'state.sqlite');
  const db = open(file);
  let depth = 0;
  return {
    db,
    directory,
    transaction(work) {
      if (depth > 0) return work();
      db.exec('BEGIN IMMEDIATE');
      depth++;
      try {
        const result = work();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        db.exec('ROLLBACK');
        throw error;
      } finally {
        depth--;
      }
    },
    close: () => db.close(),
  };
}

function open(file: string): DatabaseSync {
  let db: DatabaseSync;
  let version: number;
  try {
    db = new DatabaseSync(file);
    db.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000; PRAGMA busy_timeout = 2000; PRAGMA quick_check',
    );
    version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  } catch (error) {
    throw new LocalCloudError(
      'STATE_CORRUPT',
      `The state file ${file} cannot be read (${(error as Error).message}). Start with --fresh to discard it, or name another folder with --data.`,
      { cause: error },
    );
  }
  if (version === 0) db.exec(`PRAGMA user_version = ${STATE_VERSION}`);
  else if (version !== STATE_VERSION) {
    db.close();
    throw new LocalCloudError(
      'STATE_VERSION',
      `The state file ${file} is of version ${version}, this program reads version ${STATE_VERSION}. Start with --fresh to discard it, or name another folder with --data.`,
    );
  }
  return db;
}
