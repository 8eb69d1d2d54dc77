import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { LambdaFunctionURLEvent, LambdaFunctionURLResult } from 'aws-lambda';
import { Publisher } from '../../shared/client/publisher.ts';
import { grantedQueueUrl } from '../../shared/client/queue-urls.ts';
import { ENVIRONMENT, required } from '../../shared/jobs/environment.ts';
import { PROVIDER_DIMENSION, REASON_DIMENSION, WEBHOOK_METRICS } from '../../shared/webhooks/metrics.ts';
import { ProviderSecrets } from './provider-secrets.ts';
import { type Answer, receive } from './receive.ts';
import { requestOf } from './url-request.ts';

/** Who sends a webhook waits for 15 to 30 s: two tries of each call, and an answer that says what failed, fit into it. */
const CLIENT = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true },
} as const;

const logger = new Logger();
const metrics = new Metrics();
const environment = {
  secrets: new ProviderSecrets(new SecretsManagerClient(CLIENT), required(ENVIRONMENT.stage)),
  publisher: new Publisher({
    sqs: new SQSClient(CLIENT),
    source: '/webhook-ingress',
    queueUrl: grantedQueueUrl,
  }),
  nowMs: Date.now,
};

/** Receives the webhooks of others. The signature is the authentication: nothing is done for a request before it is verified. */
export async function handler(event: LambdaFunctionURLEvent): Promise<LambdaFunctionURLResult> {
  const request = requestOf(event);
  const answer = await receive(request, environment);
  report(request.path, answer);
  return {
    statusCode: answer.status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...answer.headers },
    body: JSON.stringify(answer.body),
  };
}

/** Neither bodies nor signatures go into logs, and a path only where it is a provider's. */
function report(path: string, { status, because, body, cause }: Answer): void {
  const ofProvider = { [PROVIDER_DIMENSION]: path.slice(1) };
  if (because === undefined) {
    // Twice: of all providers, and of this one.
    metrics.addDimensions({}).addDimensions(ofProvider);
    metrics.addMetric(WEBHOOK_METRICS.received, MetricUnit.Count, 1);
    metrics.publishStoredMetrics();
    return;
  }
  const refused = metrics.singleMetric().addDimensions({ [REASON_DIMENSION]: because });
  // A signature is looked at where the path is a provider's alone.
  if (because === 'signature') refused.addDimensions(ofProvider);
  refused.addMetric(WEBHOOK_METRICS.refused, MetricUnit.Count, 1);
  const facts = { status, because, ...(because !== 'provider' && ofProvider) };
  if (cause === undefined) logger.info('Refused a webhook.', { ...facts, said: body.error });
  else
    logger.error('A webhook could not be taken; its provider tries again.', {
      ...facts,
      error: cause as Error,
    });
}
