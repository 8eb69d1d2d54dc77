import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const TESTS = fileURLToPath(new URL('..', import.meta.url));

it('no file states the same behaviour twice', () => {
  const repeated = readdirSync(TESTS, { recursive: true, withFileTypes: true })
    .filter(({ name }) => name.endsWith('.test.ts'))
    .flatMap(({ parentPath, name }) => {
      const source = readFileSync(join(parentPath, name), 'utf8');
      // The whole line, so that the same words in another describe, which is indented alike, count as the same.
      const titles = [
        ...source.matchAll(/^\s*(?:it|test)(?:\.each\([\s\S]*?\))?\('((?:[^'\\]|\\.)+)'/gm),
      ].map(([, title]) => title);
      return (
        titles
          // A table's rows bring their own words.
          .filter((title) => title !== '%s')
          .filter((title, index, all) => all.indexOf(title) !== index)
          .map((title) => `${name}: ${title}`)
      );
    });
  expect(repeated).toEqual([]);
});
