import { cdk } from '../cli/cdk.ts';
import { synthesize } from '../cli/synth.ts';
import type { App } from './embedded-cloud.ts';
import { CREDENTIALS, REGION, type Target, targetAt } from './target.ts';

const DEFAULT_ENDPOINT = 'http://127.0.0.1:4566';
/** The one that LocalStack takes any credentials for. */
const ACCOUNT = '000000000000';
const PROBE_TIMEOUT_MS = 3000;

export interface LocalStack extends Target {
  readonly version: string;
  deploy(app: App): Promise<void>;
}

/** LocalStack at `LOCALSTACK_ENDPOINT` or its usual port. @returns where it was looked for, when it does not answer there */
export async function findLocalStack(): Promise<LocalStack | { readonly absentAt: string }> {
  const endpoint = process.env.LOCALSTACK_ENDPOINT ?? DEFAULT_ENDPOINT;
  const version = await versionAt(endpoint);
  if (version === undefined) return { absentAt: endpoint };
  const environment = {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
  };
  let bootstrapped: Promise<unknown> | undefined;
  return {
    ...targetAt('LocalStack', endpoint),
    version,
    deploy: async ({ program, stage }) => {
      const { directory } = await synthesize(stage, program);
      bootstrapped ??= cdk(['bootstrap', `aws://${ACCOUNT}/${REGION}`, '--app', directory], environment);
      await bootstrapped;
      await cdk(['deploy', '--app', directory, '--all', '--require-approval', 'never'], environment);
    },
  };
}

async function versionAt(endpoint: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${endpoint}/_localstack/health`, {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    return ((await answer.json()) as { version: string }).version;
  } catch {
    return undefined;
  }
}
