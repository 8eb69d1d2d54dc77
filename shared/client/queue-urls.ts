import { GetQueueUrlCommand, QueueDoesNotExist, type SQSClient } from '@aws-sdk/client-sqs';
import { publishQueueVariable, required } from '../jobs/environment.ts';
import { HonestJobsError } from '../jobs/honest-jobs-error.ts';
import { queueName } from '../jobs/names.ts';

/** The stage has no queue for a job type: it is not deployed there, or the credentials are of another account. */
export class QueueNotFound extends HonestJobsError {
  override readonly name = 'QueueNotFound';
  readonly code = 'QUEUE_NOT_FOUND';
}

/** Finds queues by stage and type, asking once for each: for publishers outside the app. */
export function queueUrlsOfStage(sqs: SQSClient, stage: string): (type: string) => Promise<string> {
  const known = new Map<string, Promise<string>>();
  const find = async (type: string): Promise<string> => {
    const name = queueName(stage, type);
    try {
      const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
      return QueueUrl ?? '';
    } catch (error) {
      known.delete(type);
      if (error instanceof QueueDoesNotExist)
        throw new QueueNotFound(
          `There is no queue ${name}: is stage "${stage}" deployed to this account and region, and "${type}" a job type of it?`,
          { cause: error },
        );
      throw error;
    }
  };
  return (type) => {
    const url = known.get(type) ?? find(type);
    known.set(type, url);
    return url;
  };
}

/** The queues that infra granted to this function (`JobQueue.grantPublish`). */
export function grantedQueueUrl(type: string): string {
  return required(publishQueueVariable(type));
}
