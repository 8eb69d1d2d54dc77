import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  TransactWriteCommand,
  type TransactWriteCommandInput,
} from '@aws-sdk/lib-dynamodb';

export interface TransactOptions {
  readonly signal: AbortSignal;
  /** A number in [0, 1). @default Math.random */
  readonly random?: () => number;
}

const MOST_TRIES = 6;
const FIRST_PAUSE_MS = 30;

/**
 * One transaction, tried again while all that speaks against it is another transaction on the same item: AWS cancels one of two
 * that meet, and a busy account would else spend its payments' attempts on meeting each other. Up to six tries within about a second.
 *
 * @throws TransactionCanceledException with its reasons, for a condition that failed and after the last try
 */
export async function transact(
  dynamo: DynamoDBDocumentClient,
  input: TransactWriteCommandInput,
  { signal, random = Math.random }: TransactOptions,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await dynamo.send(new TransactWriteCommand(input), { abortSignal: signal });
      return;
    } catch (error) {
      if (tries === MOST_TRIES || signal.aborted || !onlyConflicts(error)) throw error;
    }
    const pauseMs = FIRST_PAUSE_MS * 2 ** (tries - 1) * (0.5 + random() / 2);
    await new Promise((resume) => setTimeout(resume, pauseMs));
  }
}

function onlyConflicts(error: unknown): boolean {
  if (!(error instanceof TransactionCanceledException)) return false;
  const codes = (error.CancellationReasons ?? []).map(({ Code }) => Code).filter((code) => code !== 'None');
  return codes.length > 0 && codes.every((code) => code === 'TransactionConflict');
}
