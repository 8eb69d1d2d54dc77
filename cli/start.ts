/** `npm start`: the deployed shape on this machine. */
import { fileURLToPath } from 'node:url';
import { LocalCloudError } from '../local/kernel/errors.ts';
import { queueName } from '../shared/jobs/names.ts';
import { JOBS } from '../shared/jobs/registry.ts';
import { type FeedEntry, readFeed } from './feed.ts';
import { type FeedResult, publishFeed } from './feed-publisher.ts';
import { aborted, exitCodeOf, listenForInterruption } from './interruption.ts';
import { ProgressDisplay } from './progress-display.ts';
import { writeReportFiles } from './report-files.ts';
import { account, drain } from './run-once.ts';
import { feedDoor, openSession, type Session } from './session.ts';
import { START_HELP, type StartOptions, startOptions } from './start-options.ts';
import { DEPLOYED_APP, synthesize } from './synth.ts';
import { UsageError } from './usage-error.ts';
import { makeWeather } from './weather/make-weather.ts';
import { readIncoming, sendIncoming } from './webhooks.ts';

const STAGE = 'dev';
const SAMPLES = fileURLToPath(new URL('../samples/jobs.ndjson', import.meta.url));
const EXIT = { well: 0, broken: 1, usage: 2, noStart: 3 } as const;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(options: StartOptions): Promise<number> {
  // Read before anything starts: a mistake in the feed must publish nothing.
  const entries = await readFeed(options.feed ?? SAMPLES);
  const { directory } = await synthesize(STAGE, DEPLOYED_APP, () =>
    print('Synthesizing the template; the next start will find it there.'),
  );
  const session = await openSession(directory, STAGE, options);
  const interruption = listenForInterruption();
  try {
    greet(session, options);
    return options.once
      ? await runOnce(session, entries, options, interruption)
      : await stayUp(session, entries, options, interruption);
  } finally {
    await session.close();
  }
}

async function runOnce(
  session: Session,
  entries: readonly FeedEntry[],
  { feed, dataDirectory }: StartOptions,
  interruption: AbortSignal,
): Promise<number> {
  const isSampleDay = feed === undefined;
  const display = new ProgressDisplay(() => session.progress.queues(), process.stdout);
  const weather = isSampleDay ? makeWeather(session, (news) => display.tell(news)) : undefined;
  let published: FeedResult;
  let end: Awaited<ReturnType<typeof drain>>;
  try {
    published = await play(session, entries, isSampleDay, interruption);
    await Promise.race([weather?.over, aborted(interruption)]);
    end = await drain(session, interruption);
  } finally {
    weather?.end();
    display.close();
  }
  if (end === 'interrupted') {
    print(
      `\nInterrupted before all was done, so there is no account. The state is kept in ${dataDirectory}.`,
    );
    return exitCodeOf(interruption);
  }
  const { text, held, reportFiles } = await account(session, published, isSampleDay);
  print(text);
  if (end === 'late') print('  The queues did not drain within a day of cloud time.');
  print(`The e-mails lie in ${dataDirectory}/mail.`);
  writeReportFiles(reportFiles, dataDirectory);
  if (reportFiles.size > 0) print(`The reports lie in ${dataDirectory}/reports.`);
  return end === 'drained' && held ? EXIT.well : EXIT.broken;
}

/** Publishes the feed; in the sample day, the providers' webhooks come in meanwhile. */
async function play(
  session: Session,
  entries: readonly FeedEntry[],
  isSampleDay: boolean,
  interruption: AbortSignal,
): Promise<FeedResult> {
  const door = feedDoor(session, interruption);
  const webhooks = isSampleDay ? sendIncoming(readIncoming(), session.webhooks.sender, door) : undefined;
  const published = await publishFeed(entries, door);
  await Promise.race([webhooks, aborted(interruption)]);
  return published;
}

async function stayUp(
  session: Session,
  entries: readonly FeedEntry[],
  { feed }: StartOptions,
  interruption: AbortSignal,
): Promise<number> {
  const display = new ProgressDisplay(() => session.progress.queues(), process.stdout);
  // The samples are a day that happens once: state that went through it is only continued.
  const isSampleDay = feed === undefined && session.jobsFromBefore === 0;
  const weather = isSampleDay ? makeWeather(session, (news) => display.tell(news)) : undefined;
  try {
    if (feed !== undefined || isSampleDay) {
      const { notAccepted } = await play(session, entries, isSampleDay, interruption);
      for (const { reason } of notAccepted) display.tell(`not accepted: ${reason}`);
    }
    await aborted(interruption);
  } finally {
    weather?.end();
    display.close();
  }
  print('\nStopping; the state is kept.');
  return EXIT.well;
}

function greet(
  { cloud, jobsFromBefore, webhooks }: Session,
  { dataDirectory, factor, once, feed }: StartOptions,
): void {
  print(
    `honest-jobs, stage "${STAGE}", in the local cloud at ${cloud.endpoint} (account ${cloud.accountId}, region ${cloud.region})`,
  );
  print(
    `  state in ${dataDirectory}${jobsFromBefore > 0 ? `, with ${jobsFromBefore} jobs from before` : ''}`,
  );
  if (factor > 1) print(`  cloud time runs ${factor} times faster while no function runs`);
  if (!once) {
    if (feed === undefined && jobsFromBefore > 0)
      print('  the samples go into new state only; --fresh begins again with them');
    print(
      `  publish with: aws --endpoint-url ${cloud.endpoint} sqs send-message --queue-url ${cloud.endpoint}/${cloud.accountId}/${queueName(STAGE, JOBS.sendEmail.type)} --message-body …`,
    );
    print(
      `  webhooks of providers come in at ${webhooks.ingressUrl}acme-shop and ${webhooks.ingressUrl}stripe`,
    );
    print('  Ctrl-C stops; the state is kept.');
  }
  print('');
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
