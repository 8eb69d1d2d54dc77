import { isWrong, type Judged, type Outcome } from './judgement.ts';

/** What `docs/local-clouds.md` says, from the outcomes of the same suites on both clouds. */
export function documentOf(
  localStack: readonly Judged[],
  embedded: readonly Outcome[],
  version: string,
): string {
  const here = new Map(embedded.map((outcome) => [idOf(outcome), outcome]));
  const differing = localStack.filter(
    ({ verdict }) => verdict === 'differs' || verdict === 'unknown difference',
  );
  const skipped = localStack.filter(({ verdict }) => verdict === 'skipped');
  const suites = [...new Set(localStack.map(({ suite }) => suite))].sort();
  return `# Local clouds

Written by \`npm run test:localstack -- --write\`: do not edit. The same tests run on the embedded cloud (\`npm test\`), on LocalStack
${version} and, with \`npm run test:aws\`, on a real account. Where the two clouds differ, AWS's documentation decides.

## What was run

| suite | tests | as documented on the embedded cloud | as documented on LocalStack | LocalStack differs | cannot be seen there |
| --- | --- | --- | --- | --- | --- |
${suites.map((suite) => countsOf(suite, localStack, here)).join('\n')}

## Where they differ

${table(
  ['behaviour', 'embedded', 'LocalStack', 'documented AWS'],
  differing.map((judged) => [
    judged.title,
    wordOf(here.get(idOf(judged))),
    isWrong(judged) || judged.verdict !== 'differs' ? (judged.because ?? '') : judged.difference.localStack,
    judged.verdict === 'differs' && judged.difference.aws
      ? `“${judged.difference.aws.says}” [Source](${judged.difference.aws.at})`
      : 'as the test has it; AWS documents no such detail',
  ]),
)}

## What LocalStack cannot be asked

${table(
  ['behaviour', 'embedded', 'why not on LocalStack'],
  skipped.map((judged) => [judged.title, wordOf(here.get(idOf(judged))), judged.because ?? '']),
)}
`;
}

function countsOf(suite: string, all: readonly Judged[], here: ReadonlyMap<string, Outcome>): string {
  const tests = all.filter((judged) => judged.suite === suite);
  const count = (verdict: Judged['verdict']): number =>
    tests.filter((judged) => judged.verdict === verdict).length;
  const held = tests.filter((judged) => here.get(idOf(judged))?.state === 'passed').length;
  return `| ${suite} | ${tests.length} | ${held} | ${count('as documented')} | ${count('differs') + count('unknown difference')} | ${count('skipped')} |`;
}

function wordOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return 'not run';
  return outcome.state === 'passed' ? 'as documented' : `${outcome.state}: ${outcome.because ?? ''}`;
}

function idOf({ suite, title }: Outcome): string {
  return `${suite}\n${title}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
