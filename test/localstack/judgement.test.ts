import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DIFFERENCES, type Difference, differenceOf } from './differences.ts';
import { documentOf } from './document.ts';
import { exitCodeOf, isWrong, judge, lineOf, type Outcome } from './judgement.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const difference: Difference = {
  tests: 'SQS refuses a thing',
  localStack: 'takes it',
  aws: { says: 'Valid values: 1 to 10.', at: 'https://docs.aws.amazon.com/x.html' },
};
const outcome = (state: Outcome['state'], because?: string): Outcome => ({
  suite: 'sqs-send',
  title: 'SQS refuses a thing',
  state,
  ...(because && { because }),
});

describe('a test on LocalStack', () => {
  it('that fails as is written down is skipped, with what LocalStack does instead', () => {
    const judged = judge(outcome('failed', 'the request succeeded'), difference);
    expect(isWrong(judged)).toBe(false);
    expect(lineOf(judged)).toBe('- skipped: SQS refuses a thing: LocalStack takes it');
  });

  it('ends the run well only where one was as documented, and none is wrong', () => {
    const passed = judge(outcome('passed'), undefined);
    const skipped = judge(outcome('skipped', 'it waits'), undefined);
    expect(exitCodeOf([passed, skipped])).toBe(0);
    expect(exitCodeOf([skipped, skipped])).toBe(1);
    expect(exitCodeOf([])).toBe(1);
    expect(exitCodeOf([passed, judge(outcome('failed', 'it broke'), undefined)])).toBe(1);
  });

  it('that fails and is not written down fails the run', () => {
    const judged = judge(outcome('failed', 'the request succeeded'), undefined);
    expect(isWrong(judged)).toBe(true);
    expect(lineOf(judged)).toContain('the request succeeded');
  });

  it('that passes though it is written down fails the run, so that the list stays true', () => {
    const judged = judge(outcome('passed'), difference);
    expect(isWrong(judged)).toBe(true);
    expect(lineOf(judged)).toContain('passes now');
  });

  it('that passes says nothing; one that is skipped says why', () => {
    expect(lineOf(judge(outcome('passed'), undefined))).toBeUndefined();
    expect(lineOf(judge(outcome('skipped', 'too long'), undefined))).toBe(
      '- skipped: SQS refuses a thing: too long',
    );
  });
});

describe('the document of local clouds', () => {
  it('sets the embedded cloud, LocalStack and the words of AWS side by side', () => {
    const text = documentOf([judge(outcome('failed', 'x'), difference)], [outcome('passed')], '4.14.0');
    expect(text).toContain(
      '| SQS refuses a thing | as documented | takes it | “Valid values: 1 to 10.” [Source](https://docs.aws.amazon.com/x.html) |',
    );
    expect(text).toContain('| sqs-send | 1 | 1 | 0 | 1 | 0 |');
  });
});

describe('the list of differences', () => {
  it('has for each test at most one', () => {
    for (const { tests } of DIFFERENCES.filter(({ tests }) => typeof tests === 'string'))
      expect(DIFFERENCES.filter((other) => differenceOf(tests as string) === other)).toHaveLength(1);
  });

  /** The reference of an API's operations is also what its SDK's types are documented with; a range alone comes from the API's model. */
  it.each(
    DIFFERENCES.flatMap(({ aws }) =>
      aws && /APIReference|latest\/api\//.test(aws.at) && !aws.says.startsWith('Valid Range') ? [aws] : [],
    ),
  )('quotes the API reference to the letter: $says', ({ says, at }) => {
    const [, client = ''] = CLIENTS.find(([part]) => at.includes(part)) ?? [];
    expect(wordsOf(client)).toContain(says);
  });
});

/** By a part of the reference's address. */
const CLIENTS = [
  ['AWSSimpleQueueService', 'sqs'],
  ['/lambda/', 'lambda'],
  ['AmazonCloudWatch', 'cloudwatch'],
  ['/scheduler/', 'scheduler'],
] as const;

const known = new Map<string, string>();

/** All that the types of a client say, without mark-up. */
function wordsOf(client: string): string {
  const found = known.get(client);
  if (found !== undefined) return found;
  const directory = join(ROOT, 'node_modules/@aws-sdk', `client-${client}`, 'dist-types');
  const text = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.d.ts') && !file.startsWith('ts3.4'))
    .map((file) => readFileSync(join(directory, file), 'utf8'))
    .join('\n')
    .replaceAll(/^\s*\*+ ?/gm, '')
    .replaceAll(/<[^>]+>/g, '')
    .replaceAll(/\s+/g, ' ');
  known.set(client, text);
  return text;
}
