import type { EndpointKey } from '../../shared/client/endpoints.ts';
import type { WebhookEndpoint } from '../../shared/webhooks/endpoint.ts';
import { shown, time } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';

/** How an endpoint is named and told of. */

export function nameOf({ tenant, endpointId }: EndpointKey): string {
  return shown(`${tenant}/${endpointId}`);
}

/** A tenant's id has no `/`. @throws UsageError */
export function keyOf(subject: string): EndpointKey {
  const cut = subject.indexOf('/');
  const [tenant, endpointId] = [subject.slice(0, cut), subject.slice(cut + 1)];
  if (cut < 1 || endpointId === '')
    throw new UsageError(
      `"${shown(subject)}" is no TENANT/ENDPOINT (npx honest-jobs endpoints list TENANT).`,
    );
  return { tenant, endpointId };
}

export function stateOf(
  {
    state,
    disabledAtMs,
    disabledBecause,
    failures = 0,
    failingSinceMs,
    refusals = 0,
    refusedSinceMs,
    pausedUntilMs,
  }: WebhookEndpoint,
  nowMs: number,
): string {
  if (state === 'disabled')
    return `disabled${disabledAtMs === undefined ? '' : ` ${time(disabledAtMs)}`}${
      disabledBecause === undefined ? '' : `: ${shown(disabledBecause)}`
    }`;
  return [
    'enabled',
    ...(failures === 0
      ? []
      : [
          `${failures} failures one after the other${failingSinceMs === undefined ? '' : `, failing since ${time(failingSinceMs)}`}`,
        ]),
    ...(refusals === 0
      ? []
      : [
          `${refusals} events refused one after the other${refusedSinceMs === undefined ? '' : `, refusing since ${time(refusedSinceMs)}`}`,
        ]),
    ...(pausedUntilMs !== undefined && pausedUntilMs > nowMs ? [`paused until ${time(pausedUntilMs)}`] : []),
  ].join(', ');
}
