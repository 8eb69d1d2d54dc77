/** A mail that SES has taken: the caller may have learnt of it, or not. */
export interface SentMail {
  readonly messageId: string;
  /** The addresses alone, as given. */
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly bcc: readonly string[];
  readonly from: string;
  readonly subject: string;
  /** Cloud time, milliseconds since the epoch. */
  readonly atMs: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly configurationSet?: string;
  /** Recipients on the suppression list: SES takes their mail and does not send it. */
  readonly suppressed: readonly string[];
  /** SES took it, and then found a virus in it: it is not sent. */
  readonly rejected?: true;
  /** Where the mail lies as RFC 5322 text; absent without a folder, or when it is sent to nobody. */
  readonly emlPath?: string;
}

/** A checked request, not yet sent. */
export interface Draft {
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly bcc: readonly string[];
  readonly from: string;
  readonly subject: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly configurationSet?: string | undefined;
  compose(messageId: string, atMs: number): Buffer;
}

export function recipientsOf({ to, cc, bcc }: Pick<Draft, 'to' | 'cc' | 'bcc'>): readonly string[] {
  return [...to, ...cc, ...bcc];
}
