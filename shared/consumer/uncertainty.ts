import type { Verdict } from '../jobs/record.ts';
import { cut } from './errors.ts';

/** A verdict is kept with its job, and those of the lives before it too: a record must stay far below DynamoDB's 400 KB. */
const LONGEST_REASON_BYTES = 4000;
const MOST_STEPS_NAMED = 10;

/**
 * A verdict's reason, and the steps that left no certain outcome: nobody looks again after a verdict, so what may have happened belongs
 * into it. Bounded, whatever the reason and however many the steps.
 */
export function reasonWith(
  reason: string,
  uncertain: readonly string[],
): Pick<Verdict, 'message' | 'uncertain'> {
  const message = cut(reason, LONGEST_REASON_BYTES);
  if (uncertain.length === 0) return { message };
  const named = uncertain.slice(0, MOST_STEPS_NAMED);
  const more = uncertain.length - named.length;
  const sentences = named
    // One that the reason itself speaks of is not named twice.
    .filter((step) => !message.includes(`"${step}"`))
    .map((step) => ` Step "${step}" left no certain outcome: its effect may have happened.`);
  if (more > 0) sentences.push(` And ${more} more steps left none either.`);
  return { message: message + sentences.join(''), uncertain: named };
}
