/** Ends a fault, and tells how often it has struck: one that no longer finds what it is to befall must not pass for harmless. */
export interface Lift {
  (): void;
  struck(): number;
}

export function liftOf(end: () => void, struck: () => number): Lift {
  return Object.assign(() => end(), { struck });
}

type Rule<Occasion, Fault> = (occasion: Occasion) => Fault | undefined;

/** A rule that strikes whenever it has a fault to give. @param add puts it into force, and returns what ends it */
export function strikes<Occasion, Fault>(
  add: (rule: Rule<Occasion, Fault>) => () => void,
  rule: Rule<Occasion, Fault>,
): Lift {
  let count = 0;
  const end = add((occasion) => {
    const fault = rule(occasion);
    if (fault !== undefined) count++;
    return fault;
  });
  return liftOf(end, () => count);
}

/** Several faults as one, which has struck when each of them has. */
export function all(...lifts: readonly Lift[]): Lift {
  return liftOf(
    () => {
      for (const lift of lifts) lift();
    },
    () => Math.min(...lifts.map((lift) => lift.struck())),
  );
}

/** What is only to be seen once the fault has ended. */
export function onceLifted(end: () => void, struck: () => number): Lift {
  let count = 0;
  return liftOf(
    () => {
      count = struck();
      end();
    },
    () => count,
  );
}
