import { AwsError } from '../kernel/errors.ts';
import { asAwsError } from '../kernel/json-protocol.ts';
import { isSendersFault, missingParameter, queryCode } from './errors.ts';
import { Parameters } from './parameters.ts';

const MAX_ENTRIES = 10;

/** One entry of a batch request: its id, and its other parameters unread. */
export interface BatchEntry {
  readonly id: string;
  readonly parameters: Parameters;
}

export interface BatchAnswer<Success> {
  readonly Successful: readonly (Success & { readonly Id: string })[];
  readonly Failed: readonly BatchFailure[];
}

export interface BatchFailure {
  readonly Id: string;
  readonly SenderFault: boolean;
  readonly Code: string;
  readonly Message: string;
}

/** @throws AwsError `EmptyBatchRequest`, `TooManyEntriesInBatchRequest`, `InvalidBatchEntryId`, `BatchEntryIdsNotDistinct` */
export function parseBatch(operation: string, list: readonly unknown[] | undefined): BatchEntry[] {
  if (list === undefined || list.length === 0)
    throw new AwsError(
      'EmptyBatchRequest',
      `There should be at least one ${operation}RequestEntry in the request.`,
    );
  if (list.length > MAX_ENTRIES)
    throw new AwsError(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are ${MAX_ENTRIES}. You have sent ${list.length}.`,
    );
  const seen = new Set<string>();
  return list.map((values) => {
    const parameters = new Parameters(values, `${operation}RequestEntry`);
    const id = parameters.optionalText('Id');
    if (id === undefined) throw missingParameter('Id');
    if (!/^[A-Za-z0-9_-]{1,80}$/.test(id))
      throw new AwsError(
        'InvalidBatchEntryId',
        'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
      );
    if (seen.has(id)) throw new AwsError('BatchEntryIdsNotDistinct', `Id ${id} repeated.`);
    seen.add(id);
    return { id, parameters };
  });
}

/** Does each entry by itself: an entry's error fails that entry alone. */
export function eachEntry<Success extends object>(
  entries: readonly BatchEntry[],
  work: (entry: BatchEntry) => Success,
): BatchAnswer<Success> {
  const Successful: (Success & { Id: string })[] = [];
  const Failed: BatchFailure[] = [];
  for (const entry of entries) {
    try {
      Successful.push({ Id: entry.id, ...work(entry) });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      Failed.push(batchFailure(entry.id, error));
    }
  }
  return { Successful, Failed };
}

export function batchFailure(id: string, error: unknown): BatchFailure {
  const aws = asAwsError(error);
  return { Id: id, SenderFault: isSendersFault(aws), Code: queryCode(aws), Message: aws.message };
}
