import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { ITEM_NAMES, type ItemName, judge } from '../../cli/checklist/items.ts';
import { JobTemplate } from '../../cli/checklist/job-template.ts';
import { isThere } from '../../cli/checklist/test-evidence.ts';
import { main } from '../../cli/honest-jobs.ts';
import { JOB_TYPES, JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';

const JOBS_TEMPLATE = `HonestJobs-${STAGE}-Jobs.template.json`;
const directory = mkdtempSync(join(tmpdir(), 'honest-jobs-checklist-'));
afterAll(() => rmSync(directory, { recursive: true }));

interface Template {
  readonly Resources: Record<string, { readonly Type: string; Properties: Record<string, unknown> }>;
}

const read = (from: string): Template =>
  JSON.parse(readFileSync(join(from, JOBS_TEMPLATE), 'utf8')) as Template;

async function checklist(...args: string[]) {
  const printed: string[] = [];
  const terminal = {
    interactive: false,
    print: (text: string) => void printed.push(text),
    ask: async () => '',
  };
  const code = await main(['checklist', ...args], terminal);
  return { code, lines: printed.join('\n').split('\n') };
}

describe('npx honest-jobs checklist', () => {
  it('prints ten items for each job type, says what is not there yet, and exits 6', async () => {
    const { code, lines } = await checklist();
    expect(code).toBe(6);
    for (const type of JOB_TYPES) {
      const start = lines.indexOf(`${type}, stage "${STAGE}"`);
      const items = lines.slice(start + 1).filter((line) => /^ +\d+ {2}(there|MISSING)/.test(line));
      expect(items.slice(0, 10).map((line) => line.slice(15))).toEqual(ITEM_NAMES);
      expect(lines).toContain(`${type}: 9 of 10; not there yet: backpressure handled`);
    }
    expect(lines.filter((line) => line.includes('circuit breaker'))).toHaveLength(JOB_TYPES.length);
  });

  it('names lines that are in the template, and tests that are in their files', async () => {
    const { lines } = await checklist();
    const { Resources } = read(inject('assembly'));
    const named = lines.flatMap((line) => /^ +template {2}(\w+) ([\w.]+) = /.exec(line)?.slice(1) ?? []);
    expect(named.length).toBeGreaterThan(20 * JOB_TYPES.length);
    for (let at = 0; at < named.length; at += 2) {
      const [id = '', path = ''] = named.slice(at, at + 2);
      const value = path
        .split('.')
        .reduce<unknown>(
          (from, name) => (from as Record<string, unknown>)?.[name],
          Resources[id]?.Properties,
        );
      expect(value, `${id} ${path}`).toBeDefined();
    }
    for (const line of lines) {
      const [, file, title] = /^ +test +(\S+): (.+)$/.exec(line) ?? [];
      if (file && title) expect(readFileSync(file, 'utf8').replaceAll("\\'", "'"), file).toContain(title);
    }
  });

  it('takes no argument', async () => {
    expect((await checklist('send-email')).code).toBe(2);
  });
});

describe('an item is missing', () => {
  /** What is missing of payments where a resource of the template has been changed. */
  function missingWhere(
    type: string,
    change: (properties: Record<string, unknown>) => void,
  ): Record<string, readonly string[]> {
    const changed = mkdtempSync(join(directory, 'cdk-'));
    const assembly = inject('assembly');
    cpSync(assembly, changed, {
      recursive: true,
      filter: (path) => path === assembly || /\.json$/.test(path),
    });
    const template = read(changed);
    for (const [id, resource] of Object.entries(template.Resources))
      if (resource.Type === type && id.startsWith('ProcessPayment')) change(resource.Properties);
    writeFileSync(join(changed, JOBS_TEMPLATE), JSON.stringify(template));
    const job = JOBS.processPayment;
    return Object.fromEntries(
      judge(job, new JobTemplate(changed, STAGE, job.type))
        .filter(({ missing, item }) => missing.length > 0 && item !== 'backpressure handled')
        .map(({ item, missing }) => [item, missing]),
    );
  }

  it.each<[ItemName, string, string, string]>([
    [
      'dead-letter queue',
      'AWS::SQS::Queue',
      'RedriveAllowPolicy',
      'RedriveAllowPolicy.redrivePermission in the template',
    ],
    [
      'scales horizontally',
      'AWS::Lambda::EventSourceMapping',
      'FunctionResponseTypes',
      'FunctionResponseTypes in the template',
    ],
    [
      'idempotent',
      'AWS::Lambda::Function',
      'Environment',
      'Environment.Variables.HONEST_JOBS_TABLE in the template',
    ],
  ])('%s: where the template of %s has no %s', (item, type, property, missing) => {
    const found = missingWhere(type, (properties) => {
      delete properties[property];
    });
    expect(found[item]).toContain(missing);
  });

  it('where the function has reserved concurrency', () => {
    const found = missingWhere('AWS::Lambda::Function', (properties) => {
      properties.ReservedConcurrentExecutions = 5;
    });
    expect(found).toEqual({
      'scales horizontally': ['freedom of reserved concurrency, whose throttles spend receives'],
    });
  });

  it('where no test of the job type itself is known', () => {
    const job = { ...JOBS.processPayment, type: 'unheard-of' };
    const judged = judge(job, new JobTemplate(inject('assembly'), STAGE, JOBS.processPayment.type));
    const untested = judged.filter(({ missing }) => missing.includes('a test of this job type'));
    expect(untested.map(({ item }) => item)).toEqual([
      'idempotent',
      'safe to run many times',
      'failure scenarios tested',
    ]);
  });

  it('where the test that is named is gone', () => {
    const file = 'test/cli/checklist.test.ts';
    expect(isThere({ file, title: 'takes no argument' })).toBe(true);
    expect(isThere({ file, title: ['takes', 'two', 'arguments'].join(' ') })).toBe(false);
    expect(isThere({ file: 'test/cli/gone.test.ts', title: 'takes no argument' })).toBe(false);
  });
});
