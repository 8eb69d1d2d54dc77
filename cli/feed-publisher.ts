import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Publisher } from '../shared/client/publisher.ts';
import type { AnyJob } from '../shared/jobs/define-job.ts';
import type { FeedBody, FeedEntry, FeedJob } from './feed.ts';

export interface FeedDoor {
  readonly publisher: Publisher;
  readonly sqs: SQSClient;
  readonly queueUrl: (type: string) => Promise<string>;
  /** Resolves when so many seconds of cloud time have passed since the feed began. */
  readonly until: (afterSeconds: number) => Promise<void>;
  /** Keeps cloud time from running ahead while messages are on their way; returns the release. @default time goes on */
  readonly hold?: () => () => void;
  /** Ends the feed early: what is on its way arrives, the rest is not published. @default never */
  readonly interruption?: AbortSignal;
}

export interface FeedResult {
  readonly accepted: readonly FeedEntry[];
  readonly notAccepted: readonly { readonly entry: FeedEntry; readonly reason: string }[];
}

/** Publishes each entry when its time has come, counted from now; entries of the same second and type go together. */
export async function publishFeed(entries: readonly FeedEntry[], door: FeedDoor): Promise<FeedResult> {
  const accepted: FeedEntry[] = [];
  const notAccepted: { entry: FeedEntry; reason: string }[] = [];
  const seconds = [...Map.groupBy(entries, ({ afterSeconds }) => afterSeconds)].sort(([a], [b]) => a - b);
  for (const [afterSeconds, due] of seconds) {
    await door.until(afterSeconds);
    if (door.interruption?.aborted) break;
    const release = door.hold?.();
    const results = await Promise.all([
      ...[...Map.groupBy(due.filter(isJob), ({ job }) => job)].map(([job, jobs]) =>
        publishJobs(job, jobs, door),
      ),
      ...due.filter(isBody).map((entry) => sendBody(entry, door)),
    ]);
    for (const result of results) {
      accepted.push(...result.accepted);
      notAccepted.push(...result.notAccepted);
    }
    release?.();
  }
  return { accepted, notAccepted };
}

async function publishJobs(
  job: AnyJob,
  entries: readonly FeedJob[],
  { publisher }: FeedDoor,
): Promise<FeedResult> {
  const result = await publisher.publishMany(
    job,
    entries.map(({ data, id }) => ({ payload: data, ...(id === undefined ? {} : { id }) })),
  );
  const entryAt = (index: number): FeedJob => entries[index] as FeedJob;
  return {
    accepted: result.accepted.map(({ index }) => entryAt(index)),
    notAccepted: result.notAccepted.map(({ index, message }) => ({ entry: entryAt(index), reason: message })),
  };
}

async function sendBody(entry: FeedBody, { sqs, queueUrl }: FeedDoor): Promise<FeedResult> {
  try {
    await sqs.send(
      new SendMessageCommand({ QueueUrl: await queueUrl(entry.job.type), MessageBody: entry.body }),
    );
    return { accepted: [entry], notAccepted: [] };
  } catch (error) {
    return { accepted: [], notAccepted: [{ entry, reason: (error as Error).message }] };
  }
}

function isJob(entry: FeedEntry): entry is FeedJob {
  return entry.kind === 'job';
}

function isBody(entry: FeedEntry): entry is FeedBody {
  return entry.kind === 'body';
}
