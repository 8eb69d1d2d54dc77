import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A test by its file and its title, as `test/shared/consumer/steps.test.ts: that finished is not run again`. */
export interface TestEvidence {
  readonly file: string;
  readonly title: string;
}

export const testOf = (file: string, title: string): TestEvidence => ({ file: `test/${file}`, title });

/** Whether the file has a test of the title: a quoted text, as `it` and `test` take it. */
export function isThere({ file, title }: TestEvidence): boolean {
  const path = join(ROOT, file);
  if (!existsSync(path)) return false;
  const source = readFileSync(path, 'utf8');
  return [`'${title.replaceAll("'", "\\'")}'`, `"${title}"`, `\`${title}\``].some((quoted) =>
    source.includes(`${quoted},`),
  );
}
