import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = [
  'infra',
  'functions',
  'shared',
  'local',
  'cli',
  'samples',
  'bench',
  'test',
  'package.json',
  'package-lock.json',
  'cdk.json',
  'tsconfig.json',
  'vitest.config.ts',
];

interface Example {
  /** Where the document says that it goes. */
  readonly path: string;
  /** Whether it is added to a file that is there. */
  readonly added: boolean;
  readonly code: string;
}

/** The TypeScript of a document; each block begins with `// <path>` or `// in <path>`. */
function examplesOf(document: string): Example[] {
  const text = readFileSync(join(ROOT, document), 'utf8');
  return [...text.matchAll(/^```ts\n\/\/ (in )?(\S+)\n([\s\S]*?)^```$/gm)].map(
    ([, added, path = '', code = '']) => ({
      path,
      added: added !== undefined,
      code,
    }),
  );
}

/** A line of a stack goes to the others of its kind; of a list, what it has not yet is added to it. */
function addTo(source: string, { path, code }: Example): string {
  if (path === 'infra/stacks/jobs.ts')
    return source.replace("    new CfnOutput(this, 'AlarmTopicArn'", `    ${code}\n$&`);
  const [imports = '', list = ''] = code.split(/(?=^export const)/m);
  const [head = ''] = /^export const \w+/.exec(list) ?? [];
  return (
    imports +
    source.replace(new RegExp(`^${head}\\b[\\s\\S]*?;$`, 'm'), (there) => joined(there, list.trim()))
  );
}

/** A list with the names of another one that it lacks at its end. */
function joined(there: string, shown: string): string {
  const namesIn = (list: string): string[] =>
    list.slice(list.indexOf(' = ')).match(/\w+(?=,|\s*[\]}])/g) ?? [];
  const lacking = namesIn(shown).filter((name) => !namesIn(there).includes(name));
  return there.replace(/,?\s*([\]}][^\]}]*)$/, (_, end: string) => `, ${lacking.join(', ')}${end}`);
}

describe('the documents', () => {
  let tree: string;
  beforeAll(() => {
    tree = mkdtempSync(join(tmpdir(), 'honest-jobs-docs-'));
    for (const name of COPIED) cpSync(join(ROOT, name), join(tree, name), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  });
  afterAll(() => rmSync(tree, { recursive: true, force: true }));

  const put = (example: Example): void => {
    const file = join(tree, example.path);
    mkdirSync(dirname(file), { recursive: true });
    const added = example.added ? addTo(readFileSync(file, 'utf8'), example) : example.code;
    if (example.added)
      expect(added, `${example.path} has a place for the example`).toContain(
        example.code.trim().split('\n').at(-1),
      );
    writeFileSync(file, added);
  };
  const compile = (): string => {
    try {
      execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc')], {
        cwd: tree,
        encoding: 'utf8',
        stdio: 'pipe',
      });
      return '';
    } catch (error) {
      return (error as { stdout: string }).stdout;
    }
  };

  // It synthesizes a second tree from nothing.
  it('add jobs whose files compile, deploy and pass their own tests', { timeout: 180_000 }, () => {
    const examples = examplesOf('docs/add-a-job.md');
    expect(examples.map(({ path }) => path)).toHaveLength(13);
    examples.forEach(put);
    expect(compile()).toBe('');
    const test = execFileSync(
      process.execPath,
      [
        join(ROOT, 'node_modules/vitest/vitest.mjs'),
        'run',
        'test/functions/send-receipt.test.ts',
        'test/functions/year-review.test.ts',
      ],
      {
        cwd: tree,
        encoding: 'utf8',
        env: { ...process.env, NO_COLOR: '1' },
      },
    );
    expect(test).toContain('2 passed');
  });

  it('add a provider of webhooks whose file compiles, deploys and passes its own test', {
    timeout: 300_000,
  }, () => {
    const examples = examplesOf('docs/webhooks.md').filter(({ path }) => /parcel-post|providers/.test(path));
    expect(examples.map(({ path }) => path)).toHaveLength(3);
    examples.forEach(put);
    expect(compile()).toBe('');
    const test = execFileSync(
      process.execPath,
      [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', 'test/functions/parcel-post.test.ts'],
      { cwd: tree, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } },
    );
    expect(test).toContain('1 passed');
  });

  it('show code in the README that compiles', () => {
    const examples = examplesOf('README.md').filter(({ path }) => path !== 'infra/stacks/jobs.ts');
    expect(examples).toHaveLength(3);
    examples.forEach(put);
    expect(compile()).toBe('');
  });
});
