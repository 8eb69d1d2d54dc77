import { SQSClient } from '@aws-sdk/client-sqs';
import { RunningClock } from '../../../local/kernel/clock.ts';
import { CloudServer } from '../../../local/kernel/server.ts';
import type { CloudContext, Service, ServiceRequest } from '../../../local/kernel/service.ts';
import { openStore } from '../../../local/kernel/store.ts';
import { Sqs, type SqsOptions } from '../../../local/sqs/index.ts';

export interface SqsLab extends AsyncDisposable {
  readonly sqs: Sqs;
  readonly clock: RunningClock;
  readonly context: CloudContext;
}

/** SQS alone, with its state in memory or in a folder. */
export function openSqs(directory?: string, options?: SqsOptions, clock = new RunningClock()): SqsLab {
  const store = openStore(directory);
  const context: CloudContext = {
    clock,
    store,
    region: 'us-east-1',
    accountId: '000000000000',
    endpoint: () => 'http://127.0.0.1:4566',
    random: Math.random,
  };
  const sqs = new Sqs(context, options);
  return {
    sqs,
    clock,
    context,
    async [Symbol.asyncDispose]() {
      await sqs.stop();
      clock.stop();
      store.close();
    },
  };
}

/** The same behind a port. @param seen is shown each request before SQS is */
export async function serveSqs(
  { sqs, clock }: SqsLab,
  seen: (request: ServiceRequest) => void = () => {},
): Promise<AsyncDisposable & { readonly client: SQSClient; readonly endpoint: string }> {
  const shown: Service = {
    signingName: sqs.signingName,
    handle(request) {
      seen(request);
      return sqs.handle(request);
    },
  };
  const server = new CloudServer([shown], clock);
  const endpoint = `http://127.0.0.1:${await server.listen(0)}`;
  const client = new SQSClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  return {
    client,
    endpoint,
    async [Symbol.asyncDispose]() {
      client.destroy();
      await server.close();
    },
  };
}

/** A queue with a dead-letter queue. */
export function pairOf({ sqs }: SqsLab, maxReceiveCount: number) {
  sqs.createQueue('dead');
  const dead = sqs.arnOf('dead');
  sqs.createQueue('live', {
    VisibilityTimeout: '30',
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead, maxReceiveCount }),
  });
  return { live: sqs.arnOf('live'), dead };
}
