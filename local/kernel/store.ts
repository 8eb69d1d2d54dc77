import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
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
const STATE_VERSION = 2;
const STATE_FILE = 'state.sqlite';
/** All that a folder of state holds: the store, what SQLite keeps beside it, and the services' files. */
const STATE_ENTRIES = [STATE_FILE, `${STATE_FILE}-wal`, `${STATE_FILE}-shm`, 'mail', 'objects'];
/** Time for a cloud on the same state that is just stopping. */
const LOCK_WAIT_MS = 2000;
const SQLITE_BUSY = 5;

/**
 * Opens (or creates) the state in `directory`, or in memory without one.
 *
 * WAL with synchronous NORMAL: what was committed survives the death of this process at any moment; only a power cut can
 * lose the last commits, which a local cloud may. The file is locked as long as it is open: two clouds on one state would each
 * deliver the other's messages.
 *
 * @throws LocalCloudError `STATE_UNREACHABLE` for a folder that cannot be made, `STATE_IN_USE` where another process has it
 * open, `STATE_CORRUPT` for a file that is no state of this cloud, `STATE_VERSION` for one of another version
 */
export function openStore(directory?: string): Store {
  if (directory !== undefined) makeDirectory(directory);
  const file = directory === undefined ? ':memory:' : join(directory, STATE_FILE);
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

/**
 * Deletes the state in `directory`, and nothing else that may lie there.
 *
 * @throws LocalCloudError `STATE_IN_USE` where a cloud runs on it, `NO_STATE` for a folder that holds other things but no state
 */
export function discardState(directory: string): void {
  if (!existsSync(directory)) return;
  makeDirectory(directory);
  const file = join(directory, STATE_FILE);
  if (!existsSync(file)) {
    if (readdirSync(directory).length === 0) return;
    throw new LocalCloudError(
      'NO_STATE',
      `The folder ${directory} is not empty and holds no state of a local cloud (${STATE_FILE}), so nothing in it was discarded. Name another folder with --data.`,
    );
  }
  try {
    open(file).close();
  } catch (error) {
    if (!(error instanceof LocalCloudError) || error.code === 'STATE_IN_USE') throw error;
    // It cannot be read, which is why it is discarded.
  }
  for (const entry of STATE_ENTRIES) rmSync(join(directory, entry), { recursive: true, force: true });
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw new LocalCloudError(
      'STATE_UNREACHABLE',
      `The state cannot be kept in "${directory}" (${(error as Error).message}). Name another folder with --data.`,
      { cause: error },
    );
  }
}

function open(file: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  let version: number;
  try {
    db = new DatabaseSync(file);
    db.exec(
      `PRAGMA busy_timeout = ${LOCK_WAIT_MS}; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000`,
    );
    const flaw = db.prepare('PRAGMA quick_check(1)').get()?.quick_check;
    if (flaw !== 'ok') throw new Error(String(flaw));
    version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  } catch (error) {
    db?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY)
      throw new LocalCloudError(
        'STATE_IN_USE',
        `Another local cloud runs on the state file ${file}. Stop it, or name another folder with --data.`,
        { cause: error },
      );
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
