/**
 * `npm run test:localstack`: brings up LocalStack 4.14.0, deploys the real stacks and a probe into it with the plain CDK, holds it against
 * the conformance and integration suites, deploys a changed function among messages in flight, and takes it down again.
 * `--write` runs the same suites on the embedded cloud as well, and writes docs/local-clouds.md. `--if-possible` ends well where this machine
 * lacks what it needs, and says what. `--quick` leaves out the suites that wait for minutes.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { cdk } from '../../cli/cdk.ts';
import { synthesize } from '../../cli/synth.ts';
import { differenceOf } from './differences.ts';
import { documentOf } from './document.ts';
import { exitCodeOf, isWrong, type Judged, judge, lineOf, type Outcome } from './judgement.ts';
import { lacking, startLocalStack } from './localstack.ts';
import { runSuite } from './suite.ts';

/** Neither dev nor prod: such a stage brings no SES identity, which LocalStack cannot create. */
const STAGE = 'localstack';
const ACCOUNT = '000000000000';
const REGION = 'us-east-1';
const DOCUMENT = new URL('../../docs/local-clouds.md', import.meta.url);
const SUITES = ['test/conformance', 'test/integration'];
/** What of them does not wait for a mapping's visibility timeouts. */
const QUICK_SUITES = [
  'test/conformance/sqs',
  'test/conformance/dynamodb',
  'test/conformance/s3',
  'test/integration',
];

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    'if-possible': { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
});

const lacks = lacking();
if (lacks.length > 0) {
  console.log(`The LocalStack suite is not run: this machine lacks\n- ${lacks.join('\n- ')}`);
  process.exit(values['if-possible'] ? 0 : 1);
}

const startedMs = Date.now();
const says = (what: string): void => console.log(`[${seconds()} s] ${what}`);
const embedded: Outcome[] = [];
if (values.write) {
  says('The suites run on the embedded cloud.');
  embedded.push(...(await runSuite(SUITES, () => {})));
}

const localStack = await startLocalStack(says);
const interrupted = (): void => void localStack.stop().finally(() => process.exit(130));
process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
const judged: Judged[] = [];
let broken: unknown;
try {
  says(`LocalStack ${localStack.version} answers at ${localStack.endpoint} (${localStack.how}).`);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: localStack.endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    CONFORMANCE_TARGET: 'localstack',
    INTEGRATION_STAGE: STAGE,
  });
  const { directory } = await synthesize(STAGE, 'test/integration/app.ts');
  await cdk(['bootstrap', `aws://${ACCOUNT}/${REGION}`, '--app', directory]);
  says('cdk bootstrap is done.');
  await cdk(['deploy', '--app', directory, '--all', '--require-approval', 'never']);
  says(`cdk deploy of stage "${STAGE}" is done.`);
  await runSuite(values.quick ? QUICK_SUITES : SUITES, take);
  says('Now a deployment of a changed function, with messages in flight.');
  await runSuite(['test/localstack/redeploy'], take);
} catch (error) {
  broken = error;
} finally {
  await localStack.stop();
}
if (broken) throw broken;

function take(outcome: Outcome): void {
  const verdict = judge(outcome, differenceOf(outcome.title));
  judged.push(verdict);
  const line = lineOf(verdict);
  if (line !== undefined) console.log(line);
}

function seconds(): number {
  return Math.round((Date.now() - startedMs) / 1000);
}

const of = (verdict: Judged['verdict']): number => judged.filter((one) => one.verdict === verdict).length;
const wrong = judged.filter(isWrong);
console.log(
  `\nLocalStack ${localStack.version}: ${judged.length} tests, ${of('as documented')} as documented, ` +
    `${of('differs')} skipped since LocalStack differs as written down, ${of('skipped')} skipped for the reasons above, ` +
    `${wrong.length} failed; ${seconds()} s.`,
);
if (values.write && wrong.length === 0) {
  writeFileSync(DOCUMENT, documentOf(judged, embedded, localStack.version));
  console.log('docs/local-clouds.md is written.');
}
process.exitCode = exitCodeOf(judged);
