import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { synthesized } from '../synthesized.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const present = spawnSync('cfn-lint', ['--version'], { stdio: 'ignore' }).status === 0;
if (!present)
  console.warn(
    'Tests skipped: cfn-lint is not on the PATH (pip install -r test/infra/lint/requirements.txt)',
  );

const directory = mkdtempSync(join(tmpdir(), 'honest-jobs-lint-'));
afterAll(() => rmSync(directory, { recursive: true }));

interface Match {
  readonly Level: string;
  readonly Rule: { readonly Id: string };
  readonly Message: string;
  readonly Location: { readonly Path: readonly (string | number)[] };
}

/** What cfn-lint says of templates, a line each. Its exit code is not 0 where it says something. */
async function complaints(templates: Readonly<Record<string, object>>): Promise<string[]> {
  const files = Object.entries(templates).map(([name, template]) => {
    const file = join(directory, `${name}.template.json`);
    writeFileSync(file, JSON.stringify(template));
    return file;
  });
  const { stdout } = await promisify(execFile)('cfn-lint', ['--format', 'json', ...files], {
    cwd: ROOT,
    maxBuffer: 10_000_000,
  }).catch((error: { stdout: string }) => error);
  return (JSON.parse(stdout) as Match[]).map(
    ({ Level, Rule, Message, Location }) => `${Level} ${Rule.Id} ${Location.Path.join('/')}: ${Message}`,
  );
}

describe.skipIf(!present)('cfn-lint', () => {
  it.each(['dev', 'prod'])(
    'has nothing to say of the templates of %s',
    async (stage) => {
      const { template } = synthesized({ stage });
      expect(
        await complaints({
          [`${stage}-state`]: template.state.toJSON(),
          [`${stage}-jobs`]: template.jobs.toJSON(),
        }),
      ).toEqual([]);
    },
    120_000,
  );

  it('says it of a template that CloudFormation would refuse', async () => {
    const queue = { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: 43_201, Colour: 'red' } };
    const said = await complaints({ wrong: { Resources: { Queue: queue } } });
    expect(said).toEqual(
      expect.arrayContaining([
        expect.stringContaining('Resources/Queue/Properties/Colour'),
        expect.stringContaining('43201'),
      ]),
    );
  });
});
