/** Small enough to be thrown away soon, large enough that jobs meet each other. */
export const JOBS_A_WORLD = 1000;

/** One of the worlds that a run is made of. */
export interface WorldPlace {
  readonly index: number;
  readonly seed: number;
  readonly jobs: number;
}

/** The worlds of a run of so many jobs: the same for the same seed, however many processes share them. */
export function* worldsOf(seed: number, jobs: number): Generator<WorldPlace> {
  for (let index = 0; index * JOBS_A_WORLD < jobs; index++)
    yield {
      index,
      seed: (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35)) >>> 0,
      jobs: Math.min(JOBS_A_WORLD, jobs - index * JOBS_A_WORLD),
    };
}

/** What a process says of each of its worlds. */
export interface WorldReport {
  readonly place: WorldPlace;
  readonly hash: string;
  readonly struck: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Text for a person. */
  readonly violation?: string;
}
