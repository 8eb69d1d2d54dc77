import { DYNAMODB_DIFFERENCES } from './differences/dynamodb.ts';
import { LAMBDA_DIFFERENCES } from './differences/lambda.ts';
import { SERVICE_DIFFERENCES } from './differences/services.ts';
import { SQS_DIFFERENCES } from './differences/sqs.ts';

/** Where LocalStack does otherwise than AWS documents, and so fails tests that the embedded cloud passes. */
export interface Difference {
  /** The titles of the tests: each contains it, or matches it. */
  readonly tests: string | RegExp;
  /** What LocalStack does instead. */
  readonly localStack: string;
  /** AWS's own words. Absent where AWS documents nothing so exact, as the words of a refusal. */
  readonly aws?: { readonly says: string; readonly at: string };
}

export const DIFFERENCES: readonly Difference[] = [
  ...SERVICE_DIFFERENCES,
  ...SQS_DIFFERENCES,
  ...LAMBDA_DIFFERENCES,
  ...DYNAMODB_DIFFERENCES,
];

/** @param title a test's full title, with those of what is around it */
export function differenceOf(title: string): Difference | undefined {
  return DIFFERENCES.find(({ tests }) =>
    typeof tests === 'string' ? title.includes(tests) : tests.test(title),
  );
}
