/**
 * `AWS_ENDPOINT_URL=… npm run test:integration -- --stage NAME`: the integration suite on a stage that is deployed at any endpoint (LocalStack,
 * `npm start`, AWS without the variable). Without a stage: on the embedded cloud. Its jobs and rows stay there.
 */
import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';

const { values } = parseArgs({ options: { stage: { type: 'string' } } });
const { AWS_ENDPOINT_URL: endpoint } = process.env;
if (values.stage === undefined && endpoint) {
  console.error(`Name the stage that is deployed at ${endpoint}: npm run test:integration -- --stage dev`);
  process.exit(2);
}
if (values.stage !== undefined) process.env.INTEGRATION_STAGE = values.stage;
const where =
  values.stage === undefined ? 'the embedded cloud' : `stage "${values.stage}" at ${endpoint ?? 'AWS'}`;
console.log(`The integration suite on ${where}.`);
// The stage is there already: nothing is synthesized for the tests.
await (
  await startVitest('test', ['test/integration'], {
    watch: false,
    reporters: ['verbose'],
    globalSetup: [],
    mode: 'thorough',
  })
)?.close();
