import type { RunningClock } from '../../local/kernel/clock.ts';
import { LocalCloudError } from '../../local/kernel/errors.ts';
import type { CloudContext, Service } from '../../local/kernel/service.ts';
import { serveRooms } from '../local/serve-rooms.ts';

const LOCAL_CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

/** What an AWS SDK client needs in order to talk to a target: `new SQSClient(target.client)`. */
export interface ClientSettings {
  readonly endpoint?: string;
  readonly region: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** The cloud that a conformance suite is held against. */
export interface Target {
  readonly kind: 'embedded' | 'localstack' | 'aws';
  readonly client: ClientSettings;
  readonly region: string;
  /** `undefined` on AWS, where the SDK finds its own. */
  readonly endpoint: string | undefined;
  /** Only the embedded cloud's time can be moved. */
  readonly clock?: RunningClock;
  stop(): Promise<void>;
}

/**
 * The target that `CONFORMANCE_TARGET` names: `embedded` (default), `localstack` (at `AWS_ENDPOINT_URL`, which alone
 * implies it) or `aws` (the account of the SDK's default credentials; costs money).
 *
 * @param services makes the embedded cloud's services; not called for another target
 */
export async function target(services: (context: CloudContext) => readonly Service[]): Promise<Target> {
  const endpoint = process.env.AWS_ENDPOINT_URL;
  const kind = process.env.CONFORMANCE_TARGET ?? (endpoint ? 'localstack' : 'embedded');
  const region = process.env.AWS_REGION ?? 'us-east-1';
  switch (kind) {
    case 'embedded':
      return embedded(services, region);
    case 'localstack':
      if (!endpoint)
        throw new LocalCloudError('NO_ENDPOINT', 'Set AWS_ENDPOINT_URL to where LocalStack listens.');
      return {
        kind,
        client: { endpoint, region, credentials: LOCAL_CREDENTIALS },
        region,
        endpoint,
        stop: async () => {},
      };
    case 'aws':
      return { kind, client: { region }, region, endpoint: undefined, stop: async () => {} };
    default:
      throw new LocalCloudError(
        'UNKNOWN_TARGET',
        `CONFORMANCE_TARGET is "${kind}"; it can be embedded, localstack or aws.`,
      );
  }
}

async function embedded(
  factory: (context: CloudContext) => readonly Service[],
  region: string,
): Promise<Target> {
  const { client, endpoint, clock, stop } = await serveRooms(
    (context) => Object.fromEntries(factory(context).map((service) => [service.signingName, service])),
    {
      region,
    },
  );
  const { maxAttempts: _, ...settings } = client;
  return { kind: 'embedded', client: settings, region, endpoint, clock, stop };
}
