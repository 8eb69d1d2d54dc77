import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import { stepResultsPrefix } from '../jobs/names.ts';
import { jobPartitionKey, type StepRecord } from '../jobs/record.ts';
import type { StepOwner } from './step-records.ts';

/** Leaves room for the record's other attributes in DynamoDB's 400 KB. */
export const LONGEST_RECORDED_RESULT_BYTES = 300_000;

/** A key of S3 has 1,024 bytes, and a character of a step's name may take nine of them. */
const LONGEST_NAME_BYTES = 300;

function objectName(step: string): string {
  const name = encodeURIComponent(step);
  return name.length <= LONGEST_NAME_BYTES ? name : createHash('sha256').update(step).digest('hex');
}

/** Where the results of steps are kept: in the step's record, or in S3 when they are too large for it. */
export class StepResults {
  readonly #bucket: string;
  readonly #client: () => Promise<S3Client>;

  /** @param client made when first needed: most functions never keep a large result */
  constructor(bucket: string, client: () => Promise<S3Client>) {
    this.#bucket = bucket;
    this.#client = client;
  }

  /** @returns what the step's record holds of the result */
  async keep(
    run: StepOwner,
    step: string,
    result: string | undefined,
  ): Promise<{ result?: string } | { resultObject: string }> {
    if (result === undefined) return {};
    if (Buffer.byteLength(result) <= LONGEST_RECORDED_RESULT_BYTES) return { result };
    // Keys of jobs may hold anything, and may be longer than a key of S3.
    const job = createHash('sha256').update(jobPartitionKey(run.type, run.key)).digest('hex');
    const resultObject = `${stepResultsPrefix(run.type)}${job}/${objectName(step)}/${run.owner}`;
    const { PutObjectCommand } = await import('@aws-sdk/client-s3');
    const client = await this.#client();
    await client.send(
      new PutObjectCommand({
        Bucket: this.#bucket,
        Key: resultObject,
        Body: result,
        ContentType: 'application/json',
      }),
    );
    return { resultObject };
  }

  /** @returns the JSON that was kept */
  async read({ result, resultObject }: StepRecord): Promise<string | undefined> {
    if (resultObject === undefined) return result;
    const { GetObjectCommand } = await import('@aws-sdk/client-s3');
    const client = await this.#client();
    const { Body } = await client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: resultObject }));
    return Body?.transformToString();
  }
}
