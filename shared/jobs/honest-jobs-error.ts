/** The base of every error that this project throws on purpose. */
export abstract class HonestJobsError extends Error {
  /** Stable, for programs and for the records: `SCREAMING_SNAKE_CASE`, never renamed. */
  abstract readonly code: string;
}

/** A contract, schedule or setting that cannot work; thrown where it is defined, so that synth or start-up fails. */
export class DefinitionError extends HonestJobsError {
  override readonly name = 'DefinitionError';
  readonly code = 'INVALID_DEFINITION';
}
