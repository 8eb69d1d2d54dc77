/** How the provider may be unwell. What applies, applies in the order of the fields. */
export interface Behaviour {
  /** How many requests it befalls. @default all, until it is well again */
  readonly times?: number;
  /** Real seconds before anything is done. A caller that gives up meanwhile changes nothing: its card is charged all the same. */
  readonly latencySeconds?: number;
  /** Answers 429 and charges nothing. */
  readonly rateLimited?: { readonly retryAfterSeconds: number };
  /** What becomes of the answer. @default it arrives */
  readonly answer?: /** A 500 in its place. */
    | 'failed'
    /** It never comes; the connection stays. */
    | 'hanging'
    /** The connection breaks after half of it. */
    | 'half'
    /** The connection breaks before it. */
    | 'dropped'
    /** It is no JSON. */
    | 'garbled'
    /** It sends the caller elsewhere. */
    | 'redirected'
    /** It does not end. */
    | 'endless';
  /** Whether the card is charged when the answer fails. @default true */
  readonly charges?: boolean;
}
