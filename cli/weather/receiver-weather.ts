import { SAMPLE_ENDPOINTS } from '../../samples/webhook-receiver/day.ts';
import type { Session } from '../session.ts';
import type { Timetable } from './timetable.ts';

/**
 * Servers that webhooks go to are slow, down or gone.
 *
 * @returns what makes all of them well again
 */
export function unwellReceivers({ webhooks: { customers } }: Session, timetable: Timetable): () => void {
  for (const { endpoint, receiver } of customers) {
    const { tenant, endpointId } = endpoint;
    const unwell = SAMPLE_ENDPOINTS.find(
      (one) => one.tenant === tenant && one.endpointId === endpointId,
    )?.unwell;
    if (!unwell) continue;
    const { fromSeconds, toSeconds, text, behaviour } = unwell;
    timetable.at(fromSeconds, text, () => receiver.behave(behaviour));
    if (toSeconds !== undefined)
      timetable.at(toSeconds, `the receiver ${tenant}/${endpointId} is well again`, () => receiver.behave());
  }
  return () => {
    for (const { receiver } of customers) receiver.behave();
  };
}
