/** `npm start`: the deployed shape on this machine. */
import { rmSync } from 'node:fs';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type LocalCloud, startLocalCloud } from '../local/cloud.ts';
import { LocalCloudError } from '../local/kernel/errors.ts';
import { WEATHER } from '../samples/weather.ts';
import { JobLookup } from '../shared/client/job-lookup.ts';
import { Publisher } from '../shared/client/publisher.ts';
import { queueUrlsOfStage } from '../shared/client/queue-urls.ts';
import { gatherEvidence, mailsOf } from './account/evidence.ts';
import { accountText } from './account/print.ts';
import { judge, outagesWereOutlived } from './account/promises.ts';
import { type FeedEntry, readFeed } from './feed.ts';
import { publishFeed } from './feed-publisher.ts';
import { readOpening, seed } from './opening.ts';
import { Progress, progressLine } from './progress.ts';
import { START_HELP, type StartOptions, startOptions } from './start-options.ts';
import { synthesize } from './synth.ts';
import { UsageError } from './usage-error.ts';

const STAGE = 'dev';
const SAMPLES = new URL('../samples/jobs.ndjson', import.meta.url).pathname;
const EXIT = { well: 0, broken: 1, usage: 2, noStart: 3 } as const;
const PROGRESS_EVERY_MS = 1000;
const DRAIN_LOOK_EVERY_MS = 100;
/** Longer than the longest schedule of any job here: what is not drained by then never will be. */
const LONGEST_DRAIN_MS = 24 * 3600 * 1000;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(options: StartOptions): Promise<number> {
  // Read before anything starts: a mistake in the feed must publish nothing.
  const entries = await readFeed(options.feed ?? SAMPLES);
  const synthesis = await synthesize(STAGE);
  if (options.fresh) rmSync(options.dataDirectory, { recursive: true, force: true });
  let progress: Progress | undefined;
  const cloud = await startLocalCloud({
    assembly: synthesis.directory,
    dataDirectory: options.dataDirectory,
    port: options.port,
    factor: options.factor,
    onLog: ({ line }) => progress?.readLog(line),
  });
  try {
    return await run(cloud, options, entries, (made) => {
      progress = made;
    });
  } finally {
    await cloud.stop();
  }
}

async function run(
  cloud: LocalCloud,
  options: StartOptions,
  entries: readonly FeedEntry[],
  follow: (progress: Progress) => void,
): Promise<number> {
  const client = {
    endpoint: cloud.endpoint,
    region: cloud.region,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
  const sqs = new SQSClient(client);
  const dynamo = DynamoDBDocumentClient.from(new DynamoDBClient(client));
  const opening = readOpening();
  const known = await Array.fromAsync(new JobLookup(dynamo, STAGE).all());
  const progress = new Progress(cloud, STAGE, known);
  follow(progress);
  greet(cloud, options, known.length);
  await seed(opening, dynamo, STAGE);

  const stopped = interrupted();
  const ticker = setInterval(() => {
    print(progress.queues().map(progressLine).join('\n'));
    print('');
  }, PROGRESS_EVERY_MS);
  const queueUrl = queueUrlsOfStage(sqs, STAGE);
  const publishing =
    // The samples are a day that happens once; state that went through it is only continued.
    options.feed === undefined && known.length > 0 && !options.once
      ? Promise.resolve({ accepted: [], notAccepted: [] })
      : publishFeed(entries, {
          sqs,
          queueUrl,
          publisher: new Publisher({
            sqs,
            queueUrl,
            source: '/honest-jobs/samples',
            now: () => cloud.clock.now(),
          }),
          until: cloudTimer(cloud),
          hold: () => cloud.clock.hold(),
        });
  if (options.feed === undefined) makeWeather(cloud);

  try {
    if (!options.once) {
      publishing.then(({ notAccepted }) => {
        for (const { reason } of notAccepted) print(`  not accepted: ${reason}`);
      });
      await stopped;
      print('\nStopping; the state is kept.');
      return EXIT.well;
    }
    const outcome = await Promise.race([publishing, stopped]);
    if (!outcome) return EXIT.broken;
    const drained = await Promise.race([drain(cloud, progress), stopped]);
    if (drained === undefined) return EXIT.broken;
    print(progress.queues().map(progressLine).join('\n'));
    // Held, so that what is looked at stays hidden for as long as the look takes.
    const release = cloud.clock.hold();
    const evidence = await gatherEvidence({
      sqs,
      dynamo,
      stage: STAGE,
      mails: () => mailsOf(cloud.ses),
    });
    release();
    const promised = [
      ...judge(outcome.accepted, opening, evidence),
      ...(options.feed === undefined ? [outagesWereOutlived(evidence)] : []),
    ];
    print(accountText(outcome.accepted, evidence, promised));
    for (const { reason } of outcome.notAccepted) print(`  not accepted: ${reason}`);
    if (!drained) print('  The queues did not drain within a day of cloud time.');
    print(`The e-mails lie in ${options.dataDirectory}/mail.`);
    return drained && outcome.notAccepted.length === 0 && promised.every(({ broken }) => broken.length === 0)
      ? EXIT.well
      : EXIT.broken;
  } finally {
    clearInterval(ticker);
  }
}

function greet(cloud: LocalCloud, { dataDirectory, factor, once }: StartOptions, jobs: number): void {
  print(
    `honest-jobs, stage "${STAGE}", in the local cloud at ${cloud.endpoint} (account ${cloud.accountId}, region ${cloud.region})`,
  );
  print(`  state in ${dataDirectory}${jobs > 0 ? `, with ${jobs} jobs from before` : ''}`);
  if (factor > 1) print(`  cloud time runs ${factor} times faster while no function runs`);
  if (!once) {
    print(
      `  publish with: aws --endpoint-url ${cloud.endpoint} sqs send-message --queue-url ${cloud.endpoint}/${cloud.accountId}/honest-jobs-${STAGE}-send-email --message-body …`,
    );
    print('  Ctrl-C stops; the state is kept.');
  }
  print('');
}

function makeWeather(cloud: LocalCloud): void {
  for (const { fromSeconds, toSeconds, text, provider } of WEATHER) {
    cloud.clock.after(fromSeconds * 1000, () => {
      print(`  * ${text}`);
      cloud.ses.setBehaviour(provider);
    });
    cloud.clock.after(toSeconds * 1000, () => {
      print('  * the e-mail provider is well again');
      cloud.ses.setBehaviour(undefined);
    });
  }
}

/** @returns whether everything drained in time */
async function drain(cloud: LocalCloud, progress: Progress): Promise<boolean> {
  const endMs = cloud.clock.now() + LONGEST_DRAIN_MS;
  while (!progress.drained()) {
    if (cloud.clock.now() > endMs) return false;
    await new Promise((look) => setTimeout(look, DRAIN_LOOK_EVERY_MS));
  }
  return true;
}

/** Seconds from now, counted once: what takes its time in between delays nothing that follows. */
function cloudTimer(cloud: LocalCloud): (afterSeconds: number) => Promise<void> {
  const startMs = cloud.clock.now();
  return (afterSeconds) =>
    new Promise((resume) =>
      cloud.clock.after(startMs + afterSeconds * 1000 - cloud.clock.now(), () => resume()),
    );
}

function interrupted(): Promise<undefined> {
  return new Promise((stop) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop(undefined));
  });
}

try {
  const options = startOptions(process.argv.slice(2));
  if (options) process.exitCode = await main(options);
  else print(START_HELP);
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof LocalCloudError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.noStart;
}
