/** Small enough to be thrown away soon, large enough that jobs meet each other. */
export const JOBS_A_WORLD = 1000;

/** One of the worlds that a run is made of. */
export interface WorldPlace {
  readonly index: number;
  readonly seed: number;
  readonly jobs: number;
}

/** The worlds of a run of so many jobs: the same for the same seed, however many processes share them. */
export function* worldsOf(seed: number, jobs: number, jobsAWorld: number): Generator<WorldPlace> {
  for (let index = 0; index * jobsAWorld < jobs; index++)
    yield {
      index,
      seed: (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35)) >>> 0,
      jobs: Math.min(jobsAWorld, jobs - index * jobsAWorld),
    };
}

/** What a process of a run is asked for. */
export interface ShardTask {
  readonly seed: number;
  readonly jobs: number;
  readonly jobsAWorld: number;
  /** Faults of single jobs, as a multiple of the usual. */
  readonly density: number;
  /** It runs each `of`th world, beginning with this one. */
  readonly first: number;
  readonly of: number;
  /** A single world, by its own seed, in place of all these. */
  readonly world?: number;
  /** Real time for the shrinking of what breaks a rule; 0: the whole scenario is told. */
  readonly shrinkForMs: number;
}

/** What a process says of each of its worlds. */
export interface WorldReport {
  readonly place: WorldPlace;
  readonly hash: string;
  readonly struck: Readonly<Record<string, number>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly violation?: {
    readonly rule: string;
    /** For a person: what happened, and the least that leads to it. */
    readonly story: string;
  };
}
