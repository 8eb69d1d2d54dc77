import { PermanentError } from '../consumer/index.ts';
import { isOne, MOST_ITEMS, type Stage, type StagedJob } from '../jobs/staged-job.ts';

/** What stands beside a stage in its job's order. */
export interface Neighbours {
  /** The list in this stage's output that the next stage fans out over. */
  readonly listForNext: string | undefined;
  /** How many stages run side by side with it, itself included. */
  readonly sideBySide: number;
}

export function neighboursOf(job: Pick<StagedJob, 'stages'>, stage: Pick<Stage, 'name'>): Neighbours {
  const index = job.stages.findIndex((element) => [element].flat().some(({ name }) => name === stage.name));
  const element = job.stages[index];
  const next = job.stages[index + 1];
  return {
    listForNext: next !== undefined && isOne(next) ? next.forEach?.list : undefined,
    sideBySide: element !== undefined && !isOne(element) ? element.length : 1,
  };
}

/**
 * The places in the list that a fan-out runs over.
 *
 * @throws PermanentError `STAGE_LIST` when there is no such list, or too long a one
 */
export function itemsOf(value: unknown, list: string | undefined): number[] {
  if (list === undefined) return [];
  const items = (value as Record<string, unknown> | null | undefined)?.[list];
  if (!Array.isArray(items))
    throw new PermanentError(`There is no list "${list}" to fan out over.`, { code: 'STAGE_LIST' });
  if (items.length > MOST_ITEMS)
    throw new PermanentError(
      `The list "${list}" has ${items.length} items; a fan-out runs over at most ${MOST_ITEMS}.`,
      { code: 'STAGE_LIST' },
    );
  return items.map((_, index) => index);
}
