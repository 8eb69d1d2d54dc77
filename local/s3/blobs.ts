import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The bytes of objects and parts, each under an id that is used once. */
export interface Blobs {
  put(id: string, bytes: Buffer): void;
  get(id: string): Buffer;
  delete(id: string): void;
  /** Drops what `isKnown` does not know: written by a run that died before its row was. */
  sweep(isKnown: (id: string) => boolean): void;
}

export function openBlobs(directory: string | undefined): Blobs {
  return directory === undefined ? memoryBlobs() : fileBlobs(join(directory, 'objects'));
}

function memoryBlobs(): Blobs {
  const blobs = new Map<string, Buffer>();
  return {
    put: (id, bytes) => blobs.set(id, Buffer.from(bytes)),
    get(id) {
      const bytes = blobs.get(id);
      if (!bytes) throw new Error(`no object bytes under ${id}`);
      return bytes;
    },
    delete: (id) => blobs.delete(id),
    sweep: () => {},
  };
}

function fileBlobs(directory: string): Blobs {
  mkdirSync(directory, { recursive: true });
  return {
    put(id, bytes) {
      const path = join(directory, id);
      // A file under its own name is whole, whenever the process dies.
      writeFileSync(`${path}.partial`, bytes);
      renameSync(`${path}.partial`, path);
    },
    get: (id) => readFileSync(join(directory, id)),
    delete: (id) => rmSync(join(directory, id), { force: true }),
    sweep(isKnown) {
      for (const file of readdirSync(directory)) if (!isKnown(file)) rmSync(join(directory, file));
    },
  };
}
