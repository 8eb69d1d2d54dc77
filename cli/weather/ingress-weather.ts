import { AwsError } from '../../local/kernel/errors.ts';
import { INGRESS_WEATHER } from '../../samples/weather.ts';
import { functionName, WEBHOOK_INGRESS } from '../../shared/jobs/names.ts';
import type { Session } from '../session.ts';
import type { Timetable } from './timetable.ts';

/**
 * SQS takes what the ingress of webhooks sends, and its answers are lost for a while.
 *
 * @returns what ends that
 */
export function loseAnswersToIngress({ cloud, stage }: Session, timetable: Timetable): () => void {
  const { fromSeconds, toSeconds, text } = INGRESS_WEATHER;
  const ingress = functionName(stage, WEBHOOK_INGRESS);
  let isLost = false;
  timetable.at(fromSeconds, text, () => {
    isLost = true;
  });
  timetable.at(toSeconds, 'SQS answers the ingress of webhooks again', () => {
    isLost = false;
  });
  return cloud.faults.add(({ functionName: caller, operation, moment }) => {
    if (!isLost || caller !== ingress || moment !== 'after' || !operation.startsWith('SendMessage'))
      return undefined;
    return new AwsError('ServiceUnavailable', 'The request has failed due to a temporary failure.', 503);
  });
}
