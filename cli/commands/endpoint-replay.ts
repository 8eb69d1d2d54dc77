import { readFile } from 'node:fs/promises';
import { eventsFor, eventsOfLines, NoEvent, replayEvents } from '../../shared/client/endpoint-replay.ts';
import { findEndpoint } from '../../shared/client/endpoints.ts';
import { Publisher } from '../../shared/client/publisher.ts';
import { queueUrlsOfStage } from '../../shared/client/queue-urls.ts';
import type { WebhookEvent } from '../../shared/jobs/webhook-event.ts';
import { confirmed, shown } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { type CommandContext, targetLine } from './command.ts';
import { keyOf, nameOf, stateOf } from './endpoint-lines.ts';

/** A screen. */
const MOST_NAMED = 20;

export async function replay(context: CommandContext, subject: string): Promise<number> {
  const { terminal, yes, given, now, sqs, stage } = context;
  const key = keyOf(subject);
  if (given.from === undefined)
    throw new UsageError(
      '"endpoints replay" needs --from FILE, with an event a line (npx honest-jobs --help).',
    );
  const events = await eventsIn(given.from);
  const endpoint = await findEndpoint(key, context);
  const wanted = eventsFor(endpoint, events);
  terminal.print(await targetLine(context));
  terminal.print(
    `publishes ${wanted.length} deliveries to ${nameOf(key)}, which is ${stateOf(endpoint, now())}; of ${events.length} events, it asks for ${shown(endpoint.eventTypes.join(', '))}`,
  );
  if (endpoint.state === 'disabled') {
    terminal.print(
      `Nothing was published: enable it first (npx honest-jobs endpoints enable ${nameOf(key)}).`,
    );
    return 1;
  }
  if (wanted.length === 0) return 1;
  if (!(await confirmed(terminal, yes))) return 1;
  const publisher = new Publisher({
    sqs,
    source: '/honest-jobs/endpoints-replay',
    queueUrl: queueUrlsOfStage(sqs, stage),
    now,
  });
  const { accepted, notAccepted } = await replayEvents(key, wanted, publisher);
  terminal.print(
    `${accepted.length} published. What it has taken before is known, and does not go to it again (npx honest-jobs endpoints deliveries ${nameOf(key)}).`,
  );
  for (const { jobId, message } of notAccepted.slice(0, MOST_NAMED))
    terminal.print(`  not published: ${shown(jobId)}: ${shown(message)}`);
  if (notAccepted.length > 0)
    terminal.print(
      `${notAccepted.length} were not published. Replay the same file once more: none comes twice by it.`,
    );
  return notAccepted.length === 0 ? 0 : 1;
}

async function eventsIn(file: string): Promise<WebhookEvent[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`--from cannot be read: ${error.message}`);
  });
  try {
    return eventsOfLines(text);
  } catch (error) {
    if (error instanceof NoEvent) throw new UsageError(`${shown(file)}: ${error.message}`);
    throw error;
  }
}
