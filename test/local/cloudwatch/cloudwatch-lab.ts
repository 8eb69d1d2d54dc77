import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { CloudWatch, CloudWatchLogs } from '../../../local/cloudwatch/index.ts';
import { type Clock, RunningClock } from '../../../local/kernel/clock.ts';
import { CloudServer } from '../../../local/kernel/server.ts';
import type { CloudContext } from '../../../local/kernel/service.ts';
import { openStore } from '../../../local/kernel/store.ts';
import { Sns } from '../../../local/sns/index.ts';
import { Sqs } from '../../../local/sqs/index.ts';

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
  const store = openStore(directory);
  const clock = new RunningClock({ startMs });
  let endpoint = '';
  let timers = 0;
  const counted: Clock = {
    now: () => clock.now(),
    hold: () => clock.hold(),
    after(delayMs, action) {
      timers++;
      return clock.after(delayMs, action);
    },
  };
  const context: CloudContext = {
    clock,
    store,
    region: 'us-east-1',
    accountId: '000000000000',
    endpoint: () => endpoint,
    random: Math.random,
  };
  const sqs = new Sqs(context);
  const sns = new Sns(context, { sqs });
  const cloudwatch = new CloudWatch({ ...context, clock: counted }, { sqs, sns });
  const logs = new CloudWatchLogs(context);
  const server = new CloudServer([cloudwatch, logs], clock);
  endpoint = `http://127.0.0.1:${await server.listen(0)}`;
  cloudwatch.start();
  const client = new CloudWatchClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  const lab: CloudWatchLab = {
    cloudwatch,
    logs,
    sqs,
    sns,
    clock,
    endpoint,
    client,
    timersSet: () => timers,
    async [Symbol.asyncDispose]() {
      client.destroy();
      await cloudwatch.stop();
      await sqs.stop();
      await server.close();
      clock.stop();
      store.close();
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
