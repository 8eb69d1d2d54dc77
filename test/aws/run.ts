/**
 * `npm run test:aws -- --stage NAME`: the suites on a real account. Deploys a stage of its own with the plain CDK, runs the integration and
 * conformance suites and what only AWS can settle, destroys the stage, and looks whether anything of it is left. Costs cents: $0.10 to $1 a run.
 * `--yes` asks nothing; `--questions` runs the last alone; `--keep` leaves the stage for another run. Credentials and region are the SDK's own; the account must be bootstrapped.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { cdk } from '../../cli/cdk.ts';
import { settingsOf } from '../../infra/config.ts';
import { differenceOf } from '../localstack/differences.ts';
import { isWrong, type Judged, judge, lineOf, type Outcome } from '../localstack/judgement.ts';
import { runSuite } from '../localstack/suite.ts';
import { emptyBuckets, leftOf } from './left.ts';

/** Somebody's. */
const TAKEN_STAGES = ['dev', 'prod'];
const SUITES = ['test/integration', 'test/conformance/sqs', 'test/conformance/dynamodb'];
/** Its functions need a role that exists. */
const MAPPING_SUITE = 'test/conformance/lambda';

const { values } = parseArgs({
  options: {
    stage: { type: 'string' },
    yes: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    questions: { type: 'boolean', default: false },
  },
});
const { stage } = values;
if (stage === undefined || TAKEN_STAGES.includes(stage)) {
  console.error(
    `Name a stage of this run's own, neither of ${TAKEN_STAGES.join(', ')}: npm run test:aws -- --stage try-1`,
  );
  process.exit(2);
}
settingsOf(stage);

const { AWS_ENDPOINT_URL: endpoint } = process.env;
const assembly = mkdtempSync(join(tmpdir(), 'honest-jobs-aws-'));
const judged: Judged[] = [];
try {
  await cdk([
    'synth',
    '--quiet',
    '--app',
    'node test/integration/app.ts',
    '-c',
    `stage=${stage}`,
    '--output',
    assembly,
  ]);
  const left = await leftOf(stage);
  if (left.length > 0)
    throw new Error(
      `Stage "${stage}" is there already (${left.join(', ')}): take another name, or destroy it first.`,
    );
  if (!(await agreed())) process.exit(1);
  try {
    await cdk(['deploy', '--app', assembly, '--all', '--require-approval', 'never']);
    Object.assign(process.env, {
      INTEGRATION_STAGE: stage,
      CONFORMANCE_TARGET: endpoint ? 'localstack' : 'aws',
    });
    if (!values.questions) await runSuite(suites(), take);
    console.log('\nWhat only AWS can settle:');
    await runSuite(['test/aws/open-questions'], take);
  } finally {
    if (!values.keep) await destroy(stage);
  }
} finally {
  rmSync(assembly, { recursive: true, force: true });
}

const wrong = judged.filter(isWrong);
console.log(
  `\n${judged.length} tests, ${judged.filter(({ verdict }) => verdict === 'as documented').length} as documented, ${wrong.length} failed.`,
);
process.exitCode = wrong.length === 0 && judged.length > 0 ? process.exitCode : 1;

function suites(): string[] {
  if (endpoint || process.env.CONFORMANCE_ROLE_ARN) return [...SUITES, MAPPING_SUITE];
  console.log(
    `${MAPPING_SUITE} is left out: CONFORMANCE_ROLE_ARN names no role for its functions (AWSLambdaSQSQueueExecutionRole is enough).`,
  );
  return SUITES;
}

async function agreed(): Promise<boolean> {
  const { artifacts } = JSON.parse(readFileSync(join(assembly, 'manifest.json'), 'utf8')) as {
    artifacts: Record<string, { type: string; environment?: string }>;
  };
  const stacks = Object.entries(artifacts).filter(([, { type }]) => type === 'aws:cloudformation:stack');
  console.log(
    `Stage "${stage}" will be deployed${endpoint ? ` to ${endpoint}` : ''}, tested and ${values.keep ? 'left there' : 'destroyed'}:`,
  );
  for (const [name, { environment }] of stacks) console.log(`- ${name} in ${environment}`);
  if (values.yes) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question('Type the name of the stage to go on: ');
  terminal.close();
  return answer.trim() === stage;
}

async function destroy(name: string): Promise<void> {
  // First what writes to the bucket: CloudFormation deletes none that holds anything.
  await cdk(['destroy', '--app', assembly, `HonestJobs-${name}-Jobs`, '--force']);
  await emptyBuckets(name);
  await cdk(['destroy', '--app', assembly, '--all', '--force']);
  const remains = await leftOf(name);
  if (remains.length === 0) return console.log('The stage is destroyed; nothing of it is left.');
  console.error(`Left of the stage, to be deleted by hand:\n- ${remains.join('\n- ')}`);
  process.exitCode = 1;
}

function take(outcome: Outcome): void {
  // LocalStack's differences are no excuse for AWS.
  const verdict = judge(outcome, endpoint ? differenceOf(outcome.title) : undefined);
  judged.push(verdict);
  const line = lineOf(verdict);
  if (line !== undefined) console.log(line);
}
