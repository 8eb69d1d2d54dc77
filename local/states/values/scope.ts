/** What expressions of a state are evaluated against. */
export interface Scope {
  /** What `$` is. */
  readonly input: unknown;
  /** What `$$` is, and `$states.context`. */
  readonly context: unknown;
  readonly variables: Readonly<Record<string, unknown>>;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Cloud time, ms. */
  readonly nowMs: number;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
