import { ENDED } from './record-rules.ts';
import type { World } from './world.ts';

/** Once faults have stopped for so long, every job has ended, and one that is dead lies among the dead letters. */
export function judgeEnds(world: World, concerns: (job: string) => boolean, withinMs: number): void {
  for (const job of world.messages.jobs()) {
    if (!concerns(job)) continue;
    const { waiting, dead, letterExpired } = world.messages.of(job);
    const state = world.records.stateOf(job);
    if (
      waiting > 0 ||
      world.isScheduled(job) ||
      !(isUnseen(world, job) || state === 'dead' || ENDED.has(state ?? 'none'))
    )
      world.violate(
        'once faults stop, every job ends within the bound',
        `${job} is ${state} with ${waiting} messages after ${withinMs / 3600_000} h without faults`,
      );
    else if (state === 'dead' && dead === 0 && !letterExpired)
      world.violate('a dead letter lies in the dead-letter queue', job);
  }
}

/** Its receives were spent before our code saw the last of them; the rules of messages hold that it was so. */
function isUnseen(world: World, job: string): boolean {
  const { dead, letterExpired } = world.messages.of(job);
  const state = world.records.stateOf(job);
  return (dead > 0 || letterExpired) && (state === undefined || state === 'retrying' || state === 'deferred');
}

/** How a job ended, for the table of outcomes. */
export function endOf(world: World, job: string): string {
  if (job.startsWith('poison')) return 'dead: never a job';
  return isUnseen(world, job) ? 'dead: never seen' : (world.records.stateOf(job) ?? 'lost');
}
