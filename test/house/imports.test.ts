import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What each room may read of the others. Arrows point one way. */
const MAY_READ: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  functions: ['shared'],
  infra: ['shared', 'cdk.json'],
  local: [],
  samples: [],
  cli: ['shared', 'local', 'samples'],
};

/** Within shared: contracts know nobody, consumers and clients know the contracts, and stages are made of what consumers have. */
const SHARED_MAY_READ: Readonly<Record<string, readonly string[]>> = {
  jobs: [],
  consumer: ['jobs'],
  client: ['jobs', 'webhooks', 'outbound'],
  stages: ['jobs', 'consumer'],
  outbound: ['jobs'],
  webhooks: ['jobs'],
};

interface Import {
  readonly file: string;
  readonly target: string;
}

function importsOf(room: string): Import[] {
  return readdirSync(join(ROOT, room), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .flatMap((entry) => {
      const file = join(entry.parentPath, entry.name);
      const found = readFileSync(file, 'utf8').matchAll(/\bfrom '([^']+)'|\bimport\(?\s*'([^']+)'/g);
      return [...found].map(([, from, dynamic]) => ({
        file: relative(ROOT, file),
        target: from ?? dynamic ?? '',
      }));
    });
}

/** The room that a relative import leads to: `shared/jobs/x.ts` → `shared`. */
function pathOf({ file, target }: Import): string[] {
  return relative(ROOT, join(ROOT, dirname(file), target)).split('/');
}

describe('imports', () => {
  it.each(Object.entries(MAY_READ))('of %s lead to %j and itself alone', (room, allowed) => {
    const imports = importsOf(room);
    expect(imports.length).toBeGreaterThan(0);
    const strays = imports.filter(
      (one) => one.target.startsWith('.') && ![room, ...allowed].includes(pathOf(one)[0] ?? ''),
    );
    expect(strays).toEqual([]);
  });

  it.each(Object.entries(SHARED_MAY_READ))('of shared/%s lead to %j and itself alone', (room, allowed) => {
    const strays = importsOf(`shared/${room}`).filter(
      (one) => one.target.startsWith('.') && ![room, ...allowed].includes(pathOf(one)[1] ?? ''),
    );
    expect(strays).toEqual([]);
  });

  it('of shared and functions bring no CDK into a bundle', () => {
    const cdk = [...importsOf('shared'), ...importsOf('functions')].filter(({ target }) =>
      /^(aws-cdk-lib|constructs)/.test(target),
    );
    expect(cdk).toEqual([]);
  });

  it('of the local cloud know nothing of the jobs: it runs what the template says', () => {
    expect(importsOf('local').filter((one) => /\b(shared|functions|infra)\//.test(one.target))).toEqual([]);
  });
});
