import { IdempotencyConfig } from '@aws-lambda-powertools/idempotency';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { Job } from '../jobs/define-job.ts';
import { DefinitionError } from '../jobs/honest-jobs-error.ts';
import { runBatch } from './batch.ts';
import type { JobHandler } from './context.ts';
import { defaultRuntime } from './default-runtime.ts';
import type { Runtime } from './runtime.ts';
import { unfailing } from './unfailing.ts';

export type SqsHandler = (event: SQSEvent, context: Context) => Promise<SQSBatchResponse>;

/**
 * Turns the work of a job type into the Lambda handler of its queue.
 *
 * @param runtime clients, clock and random source @default those of the deployed function, made once an execution environment
 * @throws DefinitionError when Powertools' idempotency is switched off in the environment: every promise rests on it
 */
export function consume<Payload>(
  job: Job<Payload, unknown>,
  handler: JobHandler<Payload>,
  runtime: Runtime = defaultRuntime(),
): SqsHandler {
  if (!new IdempotencyConfig({}).isEnabled())
    throw new DefinitionError(
      'POWERTOOLS_IDEMPOTENCY_DISABLED is set: without idempotency every duplicate would run. Remove it from the function.',
    );
  const logger = unfailing(runtime.logger);
  const metrics = unfailing(runtime.metrics);
  return (event, context) => runBatch(job, handler, event, context, { ...runtime, logger, metrics });
}
