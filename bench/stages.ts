/**
 * `npm run bench:stages`: a report over many pictures, in stages and in one plain function: the peak memory of each stage's environment against its
 * Lambda size, the time of the one as a ratio to the other, and what its state transitions cost. docs/benchmarks.md says how to read it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { ListBucketsCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { paginateGetExecutionHistory, SFNClient } from '@aws-sdk/client-sfn';
import { JobLookup } from '../shared/client/job-lookup.ts';
import { Publisher } from '../shared/client/publisher.ts';
import { queueUrlsOfStage } from '../shared/client/queue-urls.ts';
import { generateReport, type Report } from '../shared/jobs/generate-report.ts';
import { REPORT_ASSETS_PREFIX, stageFunctionName } from '../shared/jobs/names.ts';
import { startEmbeddedCloud } from './embedded-cloud.ts';
import { measured, printMachine, printTable, short, spread } from './report.ts';
import { runInProcess } from './stages/environment-process.ts';
import { photographs } from './stages/photographs.ts';
import { CREDENTIALS, REGION } from './target.ts';

const STAGE = 'bench';
const LOOK_EVERY_MS = 100;
/** https://aws.amazon.com/step-functions/pricing/ */
const DOLLARS_A_TRANSITION = 25 / 1e6;

const { values } = parseArgs({
  options: { pictures: { type: 'string', default: '200' }, rounds: { type: 'string', default: '3' } },
});
const count = Number(values.pictures);

printMachine();
const directory = mkdtempSync(join(tmpdir(), 'honest-jobs-stages-'));
const cloud = await startEmbeddedCloud({ program: 'infra/app.ts', stage: STAGE });
const client = { endpoint: cloud.endpoint, region: REGION, credentials: CREDENTIALS };
const s3 = new S3Client({ ...client, forcePathStyle: true });
const lambda = new LambdaClient(client);
const sfn = new SFNClient(client);
const { Buckets: [bucket] = [] } = await s3.send(new ListBucketsCommand());
const Bucket = bucket?.Name ?? '';
const failures: string[] = [];
try {
  const pictures = await photographs();
  for (const [name, bytes] of pictures)
    await s3.send(new PutObjectCommand({ Bucket, Key: REPORT_ASSETS_PREFIX + name, Body: bytes }));
  const names = pictures.map(([name]) => name);
  const today = new Date().toISOString().slice(0, 10);
  const reportOf = (reportId: string): Report => ({
    reportId,
    title: `A report over ${count} pictures`,
    period: { from: today, to: today },
    email: 'bench@example.com',
    assets: Array.from({ length: count }, (_, index) => ({
      name: `Picture ${index + 1}`,
      source: `s3://${REPORT_ASSETS_PREFIX}${names[index % names.length]}`,
    })),
  });

  const staged: number[] = [];
  const plain: number[] = [];
  let transitions = 0;
  const variables = { ...(await variablesOf('generate')), ...(await variablesOf('upload')) };
  for (let round = 0; round < Number(values.rounds); round++) {
    const ran = await runStaged(reportOf(`staged-${round}`));
    staged.push(ran.seconds);
    transitions = ran.transitions;
    const alone = await runInProcess('bench/stages/plain.ts', [reportOf(`plain-${round}`)], {
      directory,
      variables,
    });
    plain.push(alone.seconds);
  }
  await measureMemory(reportOf('memory'));
  const ratio = measured(staged.map((seconds, round) => seconds / (plain[round] ?? Number.NaN)));
  printTable(
    [`a report over ${count} pictures`, 'median of the rounds (least–most)'],
    [
      ['in stages, s', spread(measured(staged))],
      ['in one plain function, s', spread(measured(plain))],
      ['ratio', spread(ratio)],
      ['state transitions', String(transitions)],
      ['at $25 a million, $', (transitions * DOLLARS_A_TRANSITION).toFixed(5)],
    ],
  );
} finally {
  for (const one of [s3, lambda, sfn]) one.destroy();
  await cloud.stop();
  rmSync(directory, { recursive: true, force: true });
}
for (const failure of failures) console.log(failure);
process.exitCode = failures.length > 0 ? 1 : 0;

async function variablesOf(stage: string): Promise<Record<string, string>> {
  const { Environment } = await lambda.send(
    new GetFunctionConfigurationCommand({
      FunctionName: stageFunctionName(STAGE, generateReport.type, stage),
    }),
  );
  return {
    ...Environment?.Variables,
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  };
}

/** From the publication to the job's own completion. */
async function runStaged(report: Report): Promise<{ seconds: number; transitions: number }> {
  const publisher = new Publisher({
    sqs: cloud.sqs,
    source: '/bench',
    queueUrl: queueUrlsOfStage(cloud.sqs, STAGE),
  });
  const lookup = new JobLookup(cloud.dynamo, STAGE);
  const startMs = performance.now();
  await publisher.publish(generateReport, report);
  for (;;) {
    const record = await lookup.byKey(generateReport.type, report.reportId);
    if (record?.state === 'dead') throw new Error(`The report died: ${record.verdict?.message}`);
    if (record?.state === 'completed') {
      const seconds = (performance.now() - startMs) / 1000;
      return { seconds, transitions: await transitionsOf(record.executionArn ?? '') };
    }
    await sleep(LOOK_EVERY_MS);
  }
}

/** Each state that is entered is one, and each retry of it; so is the execution's start. */
async function transitionsOf(executionArn: string): Promise<number> {
  let transitions = 1;
  const pages = paginateGetExecutionHistory({ client: sfn }, { executionArn, maxResults: 1000 });
  let runs = 0;
  let tasks = 0;
  for await (const { events = [] } of pages)
    for (const { type = '' } of events) {
      if (type.endsWith('StateEntered')) transitions++;
      if (type === 'TaskStateEntered') tasks++;
      if (type === 'TaskScheduled' || type === 'LambdaFunctionScheduled') runs++;
    }
  return transitions + Math.max(0, runs - tasks);
}

/** Each stage in one process, all its runs after each other: what a warm environment comes to hold. */
async function measureMemory(report: Report): Promise<void> {
  const job = {
    type: generateReport.type,
    key: report.reportId,
    id: report.reportId,
    life: 1,
    queueUrl: '',
    bucket: Bucket,
  };
  const payload = { value: report };
  const rows: string[][] = [];
  let input: unknown = payload;
  for (const stage of generateReport.stages.flat()) {
    const events = stage.forEach
      ? report.assets.map((_, index) => ({ job, payload, input, index }))
      : [{ job, payload, input }];
    const { answers, seconds, peakMegabytes } = await runInProcess(
      `functions/${generateReport.type}/${stage.name}.ts`,
      events,
      { directory, variables: await variablesOf(stage.name) },
    );
    const outputs = answers.map((answer) => (answer as { output: unknown }).output);
    input = stage.forEach ? outputs : outputs[0];
    rows.push([
      stage.name,
      String(events.length),
      short(seconds),
      short(peakMegabytes),
      String(stage.memoryMegabytes),
    ]);
    if (peakMegabytes > stage.memoryMegabytes)
      failures.push(
        `Stage ${stage.name} held ${short(peakMegabytes)} MB, more than its ${stage.memoryMegabytes} MB.`,
      );
  }
  printTable(['stage', 'runs', 's in one environment', 'peak memory (RSS), MB', 'Lambda size, MB'], rows);
}
