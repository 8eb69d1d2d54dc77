import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { Cancelled, errorRecord, RetryAfter, StepUnverified } from '../consumer/errors.ts';
import type { StepOwner } from '../consumer/step-records.ts';
import { JOB_SORT_KEY, jobPartitionKey, stepSortKey } from '../jobs/record.ts';
import type { StageRuntime } from './runtime.ts';

const PROGRESS_EVERY_MS = 2000;
const WAITS = [RetryAfter, StepUnverified, Cancelled] as const;

/** What a run of a stage writes beside its step, for those who watch: progress and failures. Nothing depends on it. */
export class StageNotes {
  readonly #runtime: StageRuntime;
  readonly #owner: StepOwner;
  readonly #step: string;
  readonly #requestId: string;
  #writtenAtMs = Number.NEGATIVE_INFINITY;

  constructor(runtime: StageRuntime, owner: StepOwner, step: string, requestId: string) {
    this.#runtime = runtime;
    this.#owner = owner;
    this.#step = step;
    this.#requestId = requestId;
  }

  /** Whether somebody has cancelled the job. */
  async cancelled(): Promise<boolean> {
    const { Item } = await this.#runtime.dynamo.send(
      new GetCommand({
        TableName: this.#runtime.jobsTable,
        Key: { pk: this.#pk, sk: JOB_SORT_KEY },
        ProjectionExpression: 'cancelRequestedAtMs',
        ConsistentRead: true,
      }),
    );
    return Item?.cancelRequestedAtMs !== undefined;
  }

  async progress(fraction: number, text: string): Promise<void> {
    const nowMs = this.#runtime.now();
    if (nowMs - this.#writtenAtMs < PROGRESS_EVERY_MS) return;
    this.#writtenAtMs = nowMs;
    const progress = { fraction: Math.min(Math.max(fraction, 0), 1), text: text.slice(0, 200), atMs: nowMs };
    await this.#note('SET progress = :progress', { ':progress': progress });
  }

  async failed(error: unknown): Promise<void> {
    const { code, message } = errorRecord(error);
    const failure = { code, message, atMs: this.#runtime.now(), requestId: this.#requestId };
    // A run that asks for later has ended like one that failed, and is none.
    const isFailure = !WAITS.some((kind) => error instanceof kind);
    await this.#note(`SET failure = :failure${isFailure ? ' ADD failures :one' : ''}`, {
      ':failure': failure,
      ...(isFailure ? { ':one': 1 } : {}),
    });
  }

  async #note(UpdateExpression: string, values: Record<string, unknown>): Promise<void> {
    try {
      await this.#runtime.dynamo.send(
        new UpdateCommand({
          TableName: this.#runtime.jobsTable,
          Key: { pk: this.#pk, sk: stepSortKey(this.#step) },
          UpdateExpression,
          // Only of a run that still has the stage.
          ConditionExpression: '#owner = :owner',
          ExpressionAttributeNames: { '#owner': 'owner' },
          ExpressionAttributeValues: { ...values, ':owner': this.#owner.owner },
        }),
      );
    } catch (error) {
      this.#runtime.logger.warn('A note on a stage could not be written.', error as Error);
    }
  }

  get #pk(): string {
    return jobPartitionKey(this.#owner.type, this.#owner.key);
  }
}
