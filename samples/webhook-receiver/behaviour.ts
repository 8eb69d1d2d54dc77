/** How a receiver may be unwell. */
export interface Behaviour {
  /** How many requests it befalls. @default all, until it is well again */
  readonly times?: number;
  /** Real seconds before it answers. */
  readonly latencySeconds?: number;
  /** What it answers. @default 204, once it has taken the event */
  readonly answer?: /** A 503: it takes nothing. */
    | 'unavailable'
    /** A 429: it takes nothing. */
    | 'busy'
    /** The connection breaks before an answer: it takes nothing. */
    | 'dropped'
    /** It takes the event and forgets to answer; the connection stays. */
    | 'forgotten'
    /** A 307 to this machine's internal address: it takes nothing. */
    | 'redirected'
    /** A 410: the endpoint is not there any more. */
    | 'gone'
    /** A 404: it takes nothing. */
    | 'unknown'
    /** It takes the event, and its 200 has a body that does not end. */
    | 'endless';
  /** `Retry-After` of a 429 or a 503, in seconds. @default none */
  readonly retryAfterSeconds?: number;
}

/** Those that happen after the event was taken: the sender hears nothing good, and sends it again. */
export const TAKING: ReadonlySet<Behaviour['answer']> = new Set([undefined, 'forgotten', 'endless']);
