import type { Logger } from '@aws-lambda-powertools/logger';
import type * as z from 'zod';
import {
  type JobContext,
  type JobHandler,
  NotDone,
  PermanentError,
  RetryAfter,
  RetryNoSooner,
  repeat,
} from '../../shared/consumer/index.ts';
import { ANSWER_SECONDS, type deliverWebhook } from '../../shared/jobs/deliver-webhook.ts';
import { bodyOfEvent } from '../../shared/jobs/webhook-event.ts';
import type { PostPublic, PublicAnswer } from '../../shared/outbound/post-public.ts';
import { currentSecrets, type WebhookEndpoint } from '../../shared/webhooks/endpoint.ts';
import {
  ID_HEADER,
  SIGNATURE_HEADER,
  signatures,
  TIMESTAMP_HEADER,
} from '../../shared/webhooks/standard-webhooks.ts';
import type { DeliveryLog } from './delivery-log.ts';
import type { Endpoints } from './endpoints.ts';
import { EndpointHealth, type HealthParts } from './health.ts';
import { hostOf } from './notice.ts';
import { PROBE_SECONDS, waitSeconds } from './pause.ts';
import { type Verdict, verdictOf, verdictOfError } from './verdict.ts';

export type Delivery = z.output<typeof deliverWebhook.payload>;

/** All that a delivery touches, passed in so that a simulation brings its own. */
export interface DeliveryParts extends HealthParts {
  readonly endpoints: Pick<Endpoints, 'find' | 'takeProbe' | 'succeeded'> & HealthParts['endpoints'];
  readonly log: Pick<DeliveryLog, 'add'>;
  readonly post: PostPublic;
  readonly allowLoopback: boolean;
}

/** So much of an answer is kept, for its tenant to see. */
const KEPT_BYTES = 1024;
/** What says by itself how the delivery goes on. */
const GOES_ON = [PermanentError, RetryAfter] as const;

/** The work of `deliver-webhook`. */
export function deliver(parts: DeliveryParts): JobHandler<Delivery> {
  return (delivery, context) => new Attempt(parts, delivery, context).run();
}

class Attempt {
  readonly #parts: DeliveryParts;
  readonly #delivery: Delivery;
  readonly #context: JobContext;
  readonly #health: EndpointHealth;
  #recovered: WebhookEndpoint | undefined;

  constructor(parts: DeliveryParts, delivery: Delivery, context: JobContext) {
    this.#parts = parts;
    this.#delivery = delivery;
    this.#context = context;
    this.#health = new EndpointHealth(parts, context.log);
  }

  async run(): Promise<{ status: number; deliveredAt: string }> {
    // The receiver drops by the event's id what comes twice. All of it is in the step: a post that is uncertain stays so, whatever is found later.
    const delivered = await this.#context.step('post', () => this.#post(), { ifUncertain: repeat() });
    const recovered = this.#recovered;
    if (recovered)
      await this.#tolerate('An endpoint’s recovery was not recorded; the next success will be.', () =>
        this.#parts.endpoints.succeeded(recovered),
      );
    return delivered;
  }

  async #post(): Promise<{ status: number; deliveredAt: string }> {
    const { now } = this.#parts;
    const endpoint = await this.#beforePost(() => this.#open());
    const request = this.#request(endpoint);
    const probe = await this.#beforePost(() => this.#turn(endpoint));
    const atMs = now();
    let answer: PublicAnswer | undefined;
    let verdict: Verdict;
    let uncertain: unknown;
    try {
      answer = await this.#parts.post(endpoint.url, request);
      verdict = verdictOf(answer, hostOf(endpoint.url), now());
    } catch (error) {
      const read = verdictOfError(error);
      if (!read) throw error;
      verdict = read;
      uncertain = error;
    }
    await this.#tolerate('What became of an attempt was not kept for its tenant.', () =>
      this.#parts.log.add({
        ...this.#ids(),
        eventId: this.#delivery.event.id,
        eventType: this.#delivery.event.type,
        atMs,
        attempt: this.#context.job.attempt,
        outcome: verdict.kind === 'gone' ? 'refused' : verdict.kind,
        ...(answer && { status: answer.status, answer: answer.body }),
        ...('code' in verdict && { code: verdict.code }),
        durationMs: now() - atMs,
      }),
    );
    switch (verdict.kind) {
      case 'delivered':
        if (isMarked(endpoint)) this.#recovered = endpoint;
        return { status: answer?.status ?? 0, deliveredAt: new Date(atMs).toISOString() };
      case 'refused':
        await this.#tolerate('An endpoint’s refusal was not recorded; the next one will be.', () =>
          this.#health.refused(endpoint, probe, verdict.code),
        );
        throw permanent(verdict);
      case 'gone':
        await this.#beforePost(() => this.#health.disable(endpoint, verdict.reason));
        throw permanent(verdict);
      case 'failed':
        // What goes wrong with this changes nothing for the delivery, which failed anyway.
        await this.#tolerate('An endpoint’s failure was not recorded; the next one will be.', () =>
          this.#health.failed(endpoint, verdict.retryAfterSeconds),
        );
        if (verdict.uncertain) throw uncertain;
        throw notDone(new RetryNoSooner(verdict.retryAfterSeconds, verdict.reason, { code: verdict.code }));
    }
  }

  /** @throws PermanentError where nothing may be posted */
  async #open(): Promise<WebhookEndpoint> {
    const { endpoints } = this.#parts;
    const { tenant, endpointId } = this.#delivery;
    const endpoint = await endpoints.find(this.#delivery);
    if (!endpoint)
      throw new PermanentError(`Tenant ${tenant} has no endpoint ${endpointId} any more.`, {
        code: 'ENDPOINT_UNKNOWN',
      });
    if (endpoint.state === 'disabled') {
      await this.#health.notice(endpoint);
      throw new PermanentError(
        `Endpoint ${endpointId} of tenant ${tenant} is disabled: ${endpoint.disabledBecause ?? 'no reason was written down.'}`,
        { code: 'ENDPOINT_DISABLED' },
      );
    }
    return endpoint;
  }

  /** @returns the name of the one try after a pause, where this is it @throws RetryAfter while the endpoint rests */
  async #turn(endpoint: WebhookEndpoint): Promise<string | undefined> {
    const { endpoints, now, random } = this.#parts;
    const { pausedUntilMs } = endpoint;
    if (pausedUntilMs === undefined) return undefined;
    const pausedForMs = pausedUntilMs - now();
    if (pausedForMs > 0) throw this.#paused(pausedForMs);
    const { id, life, attempt } = this.#context.job;
    const probe = `${id} ${life} ${attempt} ${random()}`;
    if (await endpoints.takeProbe(endpoint, probe, now() + PROBE_SECONDS * 1000)) return probe;
    throw this.#paused(PROBE_SECONDS * 1000);
  }

  #paused(pausedForMs: number): RetryAfter {
    return new RetryAfter(
      waitSeconds(pausedForMs / 1000, this.#parts.random()),
      `Endpoint ${this.#delivery.endpointId} does not answer well and is left alone for a while; the delivery waits.`,
    );
  }

  #request(endpoint: WebhookEndpoint): Parameters<PostPublic>[1] {
    const { event } = this.#delivery;
    const body = bodyOfEvent(event);
    const nowMs = this.#parts.now();
    const timestamp = Math.floor(nowMs / 1000);
    return {
      body,
      headers: {
        [ID_HEADER]: event.id,
        [TIMESTAMP_HEADER]: String(timestamp),
        [SIGNATURE_HEADER]: signed(endpoint, nowMs, (secrets) =>
          signatures(secrets, event.id, timestamp, body),
        ),
        'content-type': 'application/json',
        'user-agent': 'honest-jobs-webhooks/1',
      },
      mostBytes: KEPT_BYTES,
      timeoutSeconds: ANSWER_SECONDS,
      signal: this.#context.signal,
      allowLoopback: this.#parts.allowLoopback,
    };
  }

  /** Nothing was posted where this fails, or what was posted is known to have changed nothing. */
  async #beforePost<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw GOES_ON.some((kind) => error instanceof kind)
        ? notDone(error as Error)
        : new NotDone('Nothing was delivered.', { cause: error });
    }
  }

  async #tolerate(consequence: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#log.warn(consequence, { ...this.#ids(), error: error as Error });
    }
  }

  #ids(): { tenant: string; endpointId: string } {
    const { tenant, endpointId } = this.#delivery;
    return { tenant, endpointId };
  }

  get #log(): Logger {
    return this.#context.log;
  }
}

/** Whether a success is to be written down. */
function isMarked({
  failingSinceMs,
  failures,
  refusedSinceMs,
  refusals,
  pausedUntilMs,
}: WebhookEndpoint): boolean {
  return [failingSinceMs, failures, refusedSinceMs, refusals, pausedUntilMs].some(
    (mark) => mark !== undefined,
  );
}

/** @throws NotDone for an endpoint without a secret that signs */
function signed(
  endpoint: WebhookEndpoint,
  nowMs: number,
  sign: (secrets: readonly string[]) => string,
): string {
  const secrets = currentSecrets(endpoint, nowMs);
  try {
    if (secrets.length > 0) return sign(secrets);
  } catch {
    // What the library says of a secret may hold a part of it.
  }
  throw notDone(
    new PermanentError(
      `Endpoint ${endpoint.endpointId} of tenant ${endpoint.tenant} has no secret that can sign: rotate it, then redrive.`,
      { code: 'ENDPOINT_SECRET' },
    ),
  );
}

function permanent({ reason, code }: { readonly reason: string; readonly code: string }): NotDone {
  return notDone(new PermanentError(reason, { code }));
}

function notDone(cause: Error): NotDone {
  return new NotDone(cause.message, { cause });
}
