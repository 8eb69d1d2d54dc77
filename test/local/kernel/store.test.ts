import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { discardState, openStore } from '../../../local/kernel/store.ts';

let directory: string;
let stateFile: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'honest-jobs-store-'));
  stateFile = join(directory, 'state.sqlite');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function storeWith(rows: number): void {
  const store = openStore(directory);
  store.db.exec('CREATE TABLE notes (text TEXT)');
  store.transaction(() => {
    for (let row = 0; row < rows; row++)
      store.db.prepare('INSERT INTO notes VALUES (?)').run(`note ${row} `.repeat(100));
  });
  store.close();
}

describe('openStore', () => {
  it('keeps what was committed, and nothing of a transaction that failed', () => {
    storeWith(3);
    const store = openStore(directory);
    expect(() =>
      store.transaction(() => {
        store.db.exec('DELETE FROM notes');
        store.transaction(() => store.db.exec("INSERT INTO notes VALUES ('nested')"));
        throw new Error('too late');
      }),
    ).toThrow('too late');
    expect(store.db.prepare('SELECT COUNT(*) AS rows FROM notes').get()).toEqual({ rows: 3 });
    store.close();
  });

  it('refuses a file that is no database', () => {
    writeFileSync(stateFile, 'this is not a database, and long enough to be seen as none'.repeat(100));
    expect(() => openStore(directory)).toThrow(
      expect.objectContaining({ code: 'STATE_CORRUPT', message: expect.stringContaining(stateFile) }),
    );
  });

  it('finds a page that is damaged in the middle, before anything reads it', () => {
    storeWith(2000);
    const bytes = readFileSync(stateFile);
    bytes.fill(7, 40_960, 45_056);
    writeFileSync(stateFile, bytes);
    expect(() => openStore(directory)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
  });

  it('refuses the state of another version', () => {
    storeWith(0);
    const db = new DatabaseSync(stateFile);
    db.exec('PRAGMA user_version = 99');
    db.close();
    expect(() => openStore(directory)).toThrow(
      expect.objectContaining({
        code: 'STATE_VERSION',
        message: expect.stringContaining('is of version 99, this program reads version 2'),
      }),
    );
  });

  it('refuses state that is open already, until it is closed', () => {
    const first = openStore(directory);
    expect(() => openStore(directory)).toThrow(expect.objectContaining({ code: 'STATE_IN_USE' }));
    first.close();
    openStore(directory).close();
  });

  it('opens the state of a process that was killed', async () => {
    const source = new URL('../../../local/kernel/store.ts', import.meta.url);
    const holder = spawn(process.execPath, [
      '--input-type=module',
      '--eval',
      `import { openStore } from ${JSON.stringify(source.href)};
       openStore(${JSON.stringify(directory)}).db.exec('CREATE TABLE kept (text TEXT)');
       console.log('open');
       setInterval(() => {}, 1000);`,
    ]);
    await once(holder.stdout, 'data');
    expect(() => openStore(directory)).toThrow(expect.objectContaining({ code: 'STATE_IN_USE' }));
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const store = openStore(directory);
    expect(store.db.prepare('SELECT * FROM kept').all()).toEqual([]);
    store.close();
  });

  it('says where it cannot keep state', () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    for (const path of [file, ''])
      expect(() => openStore(path)).toThrow(
        expect.objectContaining({
          code: 'STATE_UNREACHABLE',
          message: expect.stringContaining(`cannot be kept in "${path}"`),
        }),
      );
  });
});

describe('discardState', () => {
  it('deletes the state and the services’ files, and nothing else that lies there', () => {
    storeWith(1);
    for (const folder of ['mail', 'objects']) mkdirSync(join(directory, folder));
    writeFileSync(join(directory, 'mail', '1.eml'), 'Subject: gone');
    writeFileSync(join(directory, 'mine.txt'), 'mine');
    discardState(directory);
    expect(readdirSync(directory)).toEqual(['mine.txt']);
  });

  it('deletes state that nobody can read', () => {
    writeFileSync(stateFile, 'damaged'.repeat(1000));
    discardState(directory);
    expect(existsSync(stateFile)).toBe(false);
  });

  it('leaves a folder alone that holds other things and no state', () => {
    writeFileSync(join(directory, 'thesis.txt'), 'years of work');
    expect(() => discardState(directory)).toThrow(
      expect.objectContaining({
        code: 'NO_STATE',
        message: expect.stringContaining('nothing in it was discarded'),
      }),
    );
    expect(readdirSync(directory)).toEqual(['thesis.txt']);
  });

  it('leaves state alone that a cloud runs on', () => {
    const store = openStore(directory);
    expect(() => discardState(directory)).toThrow(expect.objectContaining({ code: 'STATE_IN_USE' }));
    store.close();
    expect(existsSync(stateFile)).toBe(true);
  });

  it('has nothing to do where there is no folder, or an empty one', () => {
    discardState(directory);
    discardState(join(directory, 'absent'));
  });
});
