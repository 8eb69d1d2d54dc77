import type { Clock } from '../kernel/clock.ts';
import { AwsError } from '../kernel/errors.ts';

/** How an e-mail provider may be unwell. What applies, applies in the order of the fields. */
export interface Behaviour {
  /** Only mails with a recipient that matches are affected. @default all */
  readonly onlyTo?: RegExp;
  /** Cloud time until SES does anything. A caller that gives up meanwhile changes nothing: the mail is sent all the same. */
  readonly latencySeconds?: number;
  /** Refuses the mail with this error. */
  readonly error?: { readonly code: string; readonly status: number; readonly message: string };
  /** Takes the mail, and answers with a 500 (with `hang`: not at all). */
  readonly thenLoseAnswer?: true;
  /** Never answers; without `thenLoseAnswer` it does not take the mail either. */
  readonly hang?: true;
}

/** Carries a {@link Behaviour} out around the sending of one mail. */
export class Unwell {
  current: Behaviour | undefined;
  /** Calls that wait now. */
  waiting = 0;
  readonly #clock: Clock;
  readonly #stopped = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async around<Result>(
    recipients: readonly string[],
    send: () => Result,
    gone: AbortSignal,
  ): Promise<Result> {
    const behaviour = this.current;
    const { onlyTo } = behaviour ?? {};
    if (!behaviour || (onlyTo && !recipients.some((address) => address.search(onlyTo) >= 0))) return send();
    const { latencySeconds = 0, error, thenLoseAnswer, hang } = behaviour;
    if (latencySeconds > 0) await this.#pass(latencySeconds);
    if (error) throw new AwsError(error.code, error.message, error.status);
    if (!hang && !thenLoseAnswer) return send();
    if (thenLoseAnswer) send();
    if (hang) await this.#wait(gone);
    throw new AwsError('InternalServiceErrorException', 'SES gave no answer, as it was told to', 500);
  }

  /** Ends every wait: what was not sent yet is not sent any more. */
  stop(): void {
    this.#stopped.abort();
  }

  async #pass(seconds: number): Promise<void> {
    const over = new AbortController();
    const timer = this.#clock.after(seconds * 1000, () => over.abort());
    await this.#wait(over.signal);
    timer.cancel();
    if (!over.signal.aborted)
      throw new AwsError('ServiceUnavailableException', 'The local cloud is stopping', 503);
  }

  /** Until the signal, or the end. */
  async #wait(signal: AbortSignal): Promise<void> {
    const end = AbortSignal.any([signal, this.#stopped.signal]);
    if (end.aborted) return;
    this.waiting++;
    await new Promise<void>((done) => end.addEventListener('abort', () => done(), { once: true }));
    this.waiting--;
  }
}
