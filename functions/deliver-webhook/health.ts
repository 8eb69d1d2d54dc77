import type { Logger } from '@aws-lambda-powertools/logger';
import { PublishError } from '../../shared/client/publisher.ts';
import type { WebhookEndpoint } from '../../shared/webhooks/endpoint.ts';
import type { Endpoints } from './endpoints.ts';
import { pauseSeconds } from './pause.ts';

export interface HealthParts {
  readonly endpoints: Pick<Endpoints, 'failed' | 'refused' | 'disable' | 'noticeGiven'>;
  /** Tells whoever is to hear that an endpoint was disabled. The same endpoint may be told of twice. */
  readonly notify: (endpoint: WebhookEndpoint) => Promise<void>;
  /** Counts an endpoint that was disabled. */
  readonly countDisabled: () => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** Without a success for so long, and after so many failures or refusals in a row, an endpoint is disabled. */
const DISABLED_AFTER_MS = 5 * 86_400_000;
/** As many as one delivery has attempts: an endpoint that gets an event a week is not disabled for the second failure. */
const DISABLED_AFTER_TIMES = 10;

/** What becomes of an endpoint by what it answers. */
export class EndpointHealth {
  readonly #parts: HealthParts;
  readonly #log: Logger;

  constructor(parts: HealthParts, log: Logger) {
    this.#parts = parts;
    this.#log = log;
  }

  /** Lets the endpoint rest, and disables it when it has failed for too long. */
  async failed(endpoint: WebhookEndpoint, retryAfterSeconds: number): Promise<void> {
    const { endpoints, now, random } = this.#parts;
    const nowMs = now();
    const pause = pauseSeconds((endpoint.failures ?? 0) + 1, retryAfterSeconds, random());
    const failing = await endpoints.failed(endpoint, { nowMs, pausedUntilMs: nowMs + pause * 1000 });
    if (!failing) return;
    const { failures = 0, failingSinceMs = nowMs } = failing;
    if (failures < DISABLED_AFTER_TIMES || nowMs - failingSinceMs < DISABLED_AFTER_MS) return;
    const because = `No delivery has succeeded since ${new Date(failingSinceMs).toISOString()}, in ${failures} tries.`;
    await this.disable(failing, because, 'failingSinceMs');
  }

  /**
   * Lets those that wait go on, since an endpoint that refuses is well enough to answer, and disables it when it has taken nothing for too long.
   *
   * @param probe the delivery's own try after a pause, where it was one
   * @param code what it was refused with
   */
  async refused(endpoint: WebhookEndpoint, probe: string | undefined, code: string): Promise<void> {
    const { endpoints, now } = this.#parts;
    const nowMs = now();
    const refusing = await endpoints.refused(endpoint, { nowMs, probe });
    if (!refusing) return;
    const { refusals = 0, refusedSinceMs = nowMs } = refusing;
    if (refusals < DISABLED_AFTER_TIMES || nowMs - refusedSinceMs < DISABLED_AFTER_MS) return;
    const because = `Nothing has been taken since ${new Date(refusedSinceMs).toISOString()}, in ${refusals} tries that were refused, the last with ${code}.`;
    await this.disable(refusing, because, 'refusedSinceMs');
  }

  /** @param unlessSince the mark that says since when nothing has succeeded: disables it only if it is as it was */
  async disable(
    endpoint: WebhookEndpoint,
    because: string,
    unlessSince?: 'failingSinceMs' | 'refusedSinceMs',
  ): Promise<void> {
    const { endpoints, now, countDisabled } = this.#parts;
    const { endpoint: current, disabled } = await endpoints.disable(endpoint, {
      nowMs: now(),
      because,
      ...(unlessSince !== undefined && { unlessSince }),
    });
    if (disabled) {
      countDisabled();
      this.#log.warn('A webhook endpoint was disabled: its deliveries end as dead letters.', {
        ...idsOf(endpoint),
        because,
      });
    }
    if (current?.state === 'disabled') await this.notice(current);
  }

  /** Sees to it that the contact of a disabled endpoint has been written to. */
  async notice(endpoint: WebhookEndpoint): Promise<void> {
    if (!endpoint.noticeDue) return;
    try {
      await this.#parts.notify(endpoint);
    } catch (error) {
      if (!(error instanceof PublishError && error.refusal.kind === 'invalid')) throw error;
      // It never will be sent, and what waits for the endpoint is not to wait for that.
      this.#log.error('The contact of a disabled endpoint cannot be written to, and is not told.', {
        ...idsOf(endpoint),
        error,
      });
    }
    await this.#parts.endpoints.noticeGiven(endpoint);
  }
}

function idsOf({ tenant, endpointId }: WebhookEndpoint): { tenant: string; endpointId: string } {
  return { tenant, endpointId };
}
