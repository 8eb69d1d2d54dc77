import * as z from 'zod';
import { NotDone, PermanentError, RetryAfter, type Verified } from '../../shared/consumer/index.ts';
import type { chargeCard } from '../../shared/jobs/charge-card.ts';
import { HonestJobsError } from '../../shared/jobs/honest-jobs-error.ts';
import { retryAfterSeconds } from '../../shared/outbound/retry-after.ts';
import { type Answer, exchange, NeverSent } from './exchange.ts';
import type { ProviderSecret, ProviderSettings } from './provider-secret.ts';

export type Charge = z.output<typeof chargeCard.payload>;

/** How a charge ended. The reason of a decline is the bank's code, such as `insufficient_funds`. */
export type ChargeOutcome =
  | { readonly state: 'succeeded'; readonly providerChargeId: string }
  | { readonly state: 'declined'; readonly reason: string; readonly providerChargeId?: string };

/** Nobody can tell whether the card was charged. */
export class ChargeUncertain extends HonestJobsError {
  override readonly name = 'ChargeUncertain';
  readonly code = 'CHARGE_UNCERTAIN';
}

/** Longer than a bank takes; two of them fit into an attempt. */
const ANSWER_TIMEOUT_MS = 15_000;
/** For a 429 that does not say. */
const RATE_LIMITED_SECONDS = 60;
const LONGEST_WAIT_SECONDS = 3600;
/** So long after the last try, a charge that is not listed was not made. */
const LISTED_WITHIN_MS = 3_600_000;

const code = z.string().regex(/^[a-z0-9_]{1,100}$/);
const madeCharge = z.object({
  id: z.string().min(1).max(255),
  amount: z.int(),
  currency: z.string(),
  status: z.string(),
  reference: z.string(),
  failure_code: code.nullish(),
});
const errorAnswer = z.object({
  error: z.object({
    type: code,
    code: code.optional().catch(undefined),
    decline_code: code.optional().catch(undefined),
    charge: z.string().min(1).max(255).optional().catch(undefined),
  }),
});
const list = z.object({ data: z.array(madeCharge) });

/**
 * Charges cards through an HTTP interface with Stripe's conventions, and says of each failure whether the card certainly was not charged.
 * https://docs.stripe.com/api/idempotent_requests, https://docs.stripe.com/api/errors
 */
export class CardProvider {
  readonly #secret: Pick<ProviderSecret, 'current' | 'forget' | 'refused'>;
  readonly #timeoutMs: number;

  /** @param timeoutMs for one answer, from the first byte sent to the last received */
  constructor(
    secret: Pick<ProviderSecret, 'current' | 'forget' | 'refused'>,
    { timeoutMs = ANSWER_TIMEOUT_MS }: { timeoutMs?: number } = {},
  ) {
    this.#secret = secret;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Charges the card. The charge's id is the idempotency key, on every try: while the provider remembers it, a second try is answered as the first.
   *
   * @throws NotDone when the card certainly was not charged by this try, ChargeUncertain or anything else when nobody can tell
   */
  async charge(charge: Charge, signal: AbortSignal): Promise<ChargeOutcome> {
    let answer: Answer;
    try {
      const settings = await this.#secret.current();
      answer = await this.#send(settings, 'v1/charges', signal, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'idempotency-key': charge.chargeId,
        },
        body: parametersOf(charge),
      });
    } catch (error) {
      if (error instanceof RetryAfter || error instanceof NeverSent)
        throw new NotDone('The card provider was not asked.', { cause: error });
      throw error;
    }
    const later = this.#later(answer);
    if (later) throw new NotDone('The card provider turned the request away.', { cause: later });
    // It answers a second try as the first, and so with the same 500 for a day: only a look at the charge can tell.
    if (answer.status >= 500) {
      const found = await this.#find(charge, signal).catch(() => undefined);
      if (typeof found === 'object') return found;
    }
    return outcomeOf(charge, answer);
  }

  /**
   * Looks an uncertain charge up by its reference.
   *
   * @param begunAtMs when it was last tried
   * @throws RetryAfter when the provider asks for later, anything else when it does not tell
   */
  async verify(charge: Charge, begunAtMs: number, signal: AbortSignal): Promise<Verified<ChargeOutcome>> {
    const found = await this.#find(charge, signal);
    if (typeof found === 'object') return { found: 'done', result: found };
    const wasNotMade = found === 'absent' && Date.now() - begunAtMs > LISTED_WITHIN_MS;
    return { found: wasNotMade ? 'notDone' : 'unknown' };
  }

  async #find(charge: Charge, signal: AbortSignal): Promise<ChargeOutcome | 'undecided' | 'absent'> {
    const query = new URLSearchParams({ reference: charge.chargeId });
    const answer = await this.#send(await this.#secret.current(), `v1/charges?${query}`, signal);
    const later = this.#later(answer);
    if (later) throw later;
    const read = list.safeParse(answer.json);
    if (answer.status !== 200 || !read.success)
      throw new ChargeUncertain(`The card provider does not list its charges: status ${answer.status}.`);
    const listed = read.data.data.filter(({ reference }) => reference === charge.chargeId);
    if (listed.some((made) => !isOf(charge, made)))
      throw new PermanentError(
        `The card provider has a charge ${charge.chargeId} of another amount or currency: find out who made it.`,
        { code: 'REFERENCE_REUSED' },
      );
    const succeeded = listed.find(({ status }) => status === 'succeeded');
    if (succeeded) return { state: 'succeeded', providerChargeId: succeeded.id };
    const [failed] = listed;
    if (!failed) return 'absent';
    if (listed.some(({ status }) => status !== 'failed')) return 'undecided';
    return { state: 'declined', reason: failed.failure_code ?? 'card_declined', providerChargeId: failed.id };
  }

  /** What the job is to wait for before the provider is asked again; nothing was done. */
  #later({ status, retryAfter }: Answer): RetryAfter | undefined {
    if (status === 429)
      return new RetryAfter(waitSeconds(retryAfter), 'The card provider takes no more requests for now.');
    if (status !== 401 && status !== 403) return undefined;
    this.#secret.forget();
    return this.#secret.refused();
  }

  #send(
    { url, apiKey }: ProviderSettings,
    path: string,
    signal: AbortSignal,
    request: RequestInit = {},
  ): Promise<Answer> {
    return exchange(new URL(path, url), {
      ...request,
      headers: {
        ...request.headers,
        accept: 'application/json',
        authorization: `Bearer ${apiKey}`,
        // A connection that was kept while Lambda froze the process may be dead, and a charge sent into it is uncertain.
        connection: 'close',
      },
      signal: AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]),
    });
  }
}

/** In one order for ever: the provider compares a second try with the first. */
function parametersOf({ chargeId, customer, paymentMethod, amountMinor, currency }: Charge): URLSearchParams {
  return new URLSearchParams({
    amount: String(amountMinor),
    currency: currency.toLowerCase(),
    customer,
    payment_method: paymentMethod,
    reference: chargeId,
  });
}

/** @throws NotDone, ChargeUncertain */
function outcomeOf(charge: Charge, { status, json }: Answer): ChargeOutcome {
  const made = madeCharge.safeParse(json).data;
  if (
    status === 200 &&
    made?.status === 'succeeded' &&
    made.reference === charge.chargeId &&
    isOf(charge, made)
  )
    return { state: 'succeeded', providerChargeId: made.id };
  const error = errorAnswer.safeParse(json).data?.error;
  if (status === 402 && error?.type === 'card_error')
    return {
      state: 'declined',
      reason: error.decline_code ?? error.code ?? 'card_declined',
      ...(error.charge !== undefined && { providerChargeId: error.charge }),
    };
  if ((status === 400 || status === 404 || status === 422) && error) throw refusal(charge, status, error);
  throw new ChargeUncertain(
    `The card provider answered ${status}${error ? ` (${error.code ?? error.type})` : ' with nothing that can be read'}: the card may have been charged.`,
  );
}

function refusal(
  { chargeId }: Charge,
  status: number,
  error: z.output<typeof errorAnswer>['error'],
): NotDone {
  const cause =
    error.type === 'idempotency_error'
      ? new PermanentError(
          `The card provider knows the key ${chargeId} with other parameters: look there what was charged under it.`,
          { code: 'IDEMPOTENCY_KEY_REUSED' },
        )
      : new PermanentError(
          `The card provider refuses the charge: ${error.code ?? error.type}, status ${status}.`,
          { code: 'CHARGE_REFUSED' },
        );
  return new NotDone(cause.message, { cause });
}

function isOf({ amountMinor, currency }: Charge, made: z.output<typeof madeCharge>): boolean {
  return made.amount === amountMinor && made.currency === currency.toLowerCase();
}

function waitSeconds(retryAfter: string | null): number {
  return Math.min(retryAfterSeconds(retryAfter, Date.now()) ?? RATE_LIMITED_SECONDS, LONGEST_WAIT_SECONDS);
}
