import type { TestCase, TestModule } from 'vitest/node';
import { startVitest } from 'vitest/node';
import { OBSERVED, type Outcome } from './judgement.ts';

const CONFIG = 'test/localstack/vitest.config.ts';

/**
 * Runs test files in this process's environment.
 *
 * @param files parts of their paths
 * @param seen told of each test as it ends
 * @returns all outcomes; a file that does not load is a failed one
 */
export async function runSuite(
  files: readonly string[],
  seen: (outcome: Outcome) => void,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const take = (outcome: Outcome): void => {
    outcomes.push(outcome);
    seen(outcome);
  };
  const vitest = await startVitest('test', [...files], {
    config: CONFIG,
    watch: false,
    reporters: [
      {
        onUserConsoleLog: ({ content }: { content: string }) => {
          if (content.includes(OBSERVED)) process.stdout.write(content);
        },
        onTestCaseResult: (test: TestCase) => take(outcomeOf(test)),
        onTestModuleEnd: (module: TestModule) => {
          for (const error of module.errors())
            take({
              suite: suiteOf(module),
              title: module.relativeModuleId,
              state: 'failed',
              because: error.message,
            });
          for (const suite of module.children.allSuites())
            for (const error of suite.errors())
              take({
                suite: suiteOf(module),
                title: suite.fullName,
                state: 'failed',
                because: error.message,
              });
        },
      },
    ],
  });
  await vitest.close();
  if (outcomes.length === 0) throw new Error(`No test was run of ${files.join(', ')}.`);
  return outcomes;
}

function outcomeOf(test: TestCase): Outcome {
  const result = test.result();
  const name = { suite: suiteOf(test.module), title: test.fullName.replaceAll(' > ', ' ') };
  switch (result.state) {
    case 'passed':
      return { ...name, state: 'passed' };
    case 'failed':
      return { ...name, state: 'failed', because: result.errors[0]?.message.split('\n')[0] ?? '' };
    default:
      return { ...name, state: 'skipped', because: ('note' in result && result.note) || 'it has no reason' };
  }
}

function suiteOf({ relativeModuleId }: TestModule): string {
  return relativeModuleId.replace(/^.*\//, '').replace(/\.(test|live)\.ts$/, '');
}
