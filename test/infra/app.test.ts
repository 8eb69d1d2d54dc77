import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JOB_TYPES, JOBS } from '../../shared/jobs/registry.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const SYNTH_TIMEOUT_MS = 60_000;
const directory = mkdtempSync(join(tmpdir(), 'honest-jobs-infra-'));
afterAll(() => rmSync(directory, { recursive: true }));

function synth(outdir: string, stage: string, environment: Readonly<Record<string, string>> = {}) {
  return promisify(execFile)(process.execPath, ['infra/app.ts'], {
    cwd: PROJECT,
    env: {
      ...process.env,
      // As it runs for a user: vitest's own value would make the CDK throw where it prints.
      NODE_ENV: '',
      CDK_OUTDIR: outdir,
      CDK_CONTEXT_JSON: JSON.stringify({ stage }),
      ...environment,
    },
  });
}

describe('node infra/app.ts', () => {
  const outdir = join(directory, 'cdk.out');
  const templateOf = (from: string) => readFileSync(join(from, 'HonestJobs-dev-Jobs.template.json'), 'utf8');
  let printed: { stdout: string; stderr: string };
  beforeAll(async () => {
    printed = await synth(outdir, 'dev');
  }, SYNTH_TIMEOUT_MS);

  test('prints nothing', () => {
    expect(printed).toEqual({ stdout: '', stderr: '' });
  });

  test("breaks none of CloudFormation's own rules", () => {
    const report = JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8'));
    expect(report.pluginReports).toEqual([]);
  });

  test('bundles each function into one file with its source map, the SDK included', () => {
    const functions = Object.values<{ Type: string; Properties: { Code: { S3Key: string } } }>(
      JSON.parse(templateOf(outdir)).Resources,
    ).filter(({ Type }) => Type === 'AWS::Lambda::Function');
    // The ingress of webhooks, those that record SES's events and the ends of executions, and the stages.
    const stages = JOBS.generateReport.stages.flat();
    expect(functions).toHaveLength(JOB_TYPES.length + 3 + stages.length);
    for (const { Properties } of functions) {
      const asset = join(outdir, `asset.${Properties.Code.S3Key.replace('.zip', '')}`);
      expect(readdirSync(asset).sort()).toEqual(['index.js', 'index.js.map']);
      const required = [...readFileSync(join(asset, 'index.js'), 'utf8').matchAll(/require\("([^"]+)"\)/g)];
      const packages = required
        .map(([, name = '']) => name)
        // The SDK looks for its CRT signer, which only S3's access points need, and goes on without.
        .filter((name) => !isBuiltin(name) && name !== '@aws-sdk/signature-v4-crt');
      expect([...new Set(packages)]).toEqual([]);
    }
  });

  test(
    'makes the same template wherever it writes, so that nothing is deployed for nothing',
    async () => {
      const elsewhere = join(directory, 'some', 'where', 'else');
      await synth(elsewhere, 'dev', { CDK_VALIDATION: 'false' });
      expect(templateOf(elsewhere)).toBe(templateOf(outdir));
    },
    SYNTH_TIMEOUT_MS,
  );

  test(
    'refuses a wrong stage with one sentence and a non-zero exit',
    async () => {
      await expect(synth(join(directory, 'refused'), 'Dev!')).rejects.toMatchObject({
        code: 1,
        stdout: '',
        stderr:
          'Settings of stage "Dev!": stage is "Dev!"; give 1 to 20 lower case letters, digits and "-", not starting with "-".\n',
      });
    },
    SYNTH_TIMEOUT_MS,
  );
});
