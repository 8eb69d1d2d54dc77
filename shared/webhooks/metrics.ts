import type { RefusedBecause } from './provider.ts';

/** What is reported of webhooks, in and out, as CloudWatch embedded metrics, in the namespace of the stage's jobs. */
export const WEBHOOK_METRICS = {
  /** Requests whose event is in the queue, of all providers and by {@link PROVIDER_DIMENSION}. A provider's retry counts again. */
  received: 'WebhooksReceived',
  /** Requests that were not taken, by {@link REASON_DIMENSION}; by {@link PROVIDER_DIMENSION} those alone whose signature does not fit. */
  refused: 'WebhooksRefused',
  /** Endpoints of tenants that deliveries disabled. */
  endpointsDisabled: 'EndpointsDisabled',
} as const;

/** Why a request was not taken. */
export const REASON_DIMENSION = 'reason';

/** Whom a request calls itself one of. Only names that are providers': anybody may send what a metric would be billed for. */
export const PROVIDER_DIMENSION = 'provider';

/** `unavailable`: the secret could not be had, or SQS did not take the message; the provider tries again. */
export type RefusalReason = RefusedBecause | 'provider' | 'method' | 'size' | 'unavailable';
