import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatch, CloudWatchLogs } from '../../../local/cloudwatch/index.ts';
import { type Clock, RunningClock } from '../../../local/kernel/clock.ts';
import { Sns } from '../../../local/sns/index.ts';
import { Sqs } from '../../../local/sqs/index.ts';
import { serveRooms } from '../serve-rooms.ts';

export const NOON_MS = Date.UTC(2026, 0, 1, 12);
export const MINUTE_MS = 60_000;

export interface CloudWatchLab extends AsyncDisposable {
  readonly cloudwatch: CloudWatch;
  readonly logs: CloudWatchLogs;
  readonly sqs: Sqs;
  readonly sns: Sns;
  readonly clock: RunningClock;
  readonly endpoint: string;
  readonly client: CloudWatchClient;
  /** How many timers CloudWatch has set. */
  timersSet(): number;
}

/** CloudWatch beside the queues that it samples and the topics that it tells, behind a port. Its day begins at noon. */
export async function openCloudWatch(options: { directory?: string; startMs?: number } = {}) {
  const { directory, startMs = NOON_MS } = options;
  const clock = new RunningClock({ startMs });
  let timers = 0;
  const counted: Clock = {
    now: () => clock.now(),
    hold: () => clock.hold(),
    after(delayMs, action) {
      timers++;
      return clock.after(delayMs, action);
    },
  };
  const {
    rooms,
    endpoint,
    client: settings,
    stop,
  } = await serveRooms(
    (context) => {
      const sqs = new Sqs(context);
      const sns = new Sns(context, { sqs });
      const cloudwatch = new CloudWatch({ ...context, clock: counted }, { sqs, sns });
      return { sqs, sns, cloudwatch, logs: new CloudWatchLogs(context) };
    },
    { directory, clock },
  );
  const client = new CloudWatchClient(settings);
  const lab: CloudWatchLab = {
    ...rooms,
    clock,
    endpoint,
    client,
    timersSet: () => timers,
    async [Symbol.asyncDispose]() {
      client.destroy();
      await stop();
    },
  };
  return lab;
}

/** One request in AWS JSON, as the older SDKs and boto3's `json` send it. */
export async function callJson(
  { endpoint }: Pick<CloudWatchLab, 'endpoint'>,
  service: 'monitoring' | 'logs',
  operation: string,
  input: object,
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const prefix = service === 'logs' ? 'Logs_20140328' : 'GraniteServiceVersion20100801';
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `${prefix}.${operation}`,
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/${service}/aws4_request`,
    },
    body: JSON.stringify(input),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
