import { createHash } from 'node:crypto';
import type { S3Client } from '@aws-sdk/client-s3';
import * as z from 'zod';
import { stageDataPrefix } from './names.ts';
import { jobPartitionKey } from './record.ts';

/** A value between stages: inline, or in the bucket when it is too large for the execution's data. */
export type DataRef = { readonly value: unknown } | { readonly object: string };

/** What a stage is given: what one stage returned, a list of it after a fan-out, or one by name after stages side by side. */
export type DataTree = DataRef | readonly DataRef[] | { readonly [stage: string]: DataRef };

/** The data that an execution carries. Step Functions takes 262,144 bytes of it. */
export interface ExecutionData {
  readonly job: StagedJobIdentity;
  readonly payload: DataRef;
  /** The message that the job came by: a verdict goes back with it. */
  readonly message: DataRef;
  readonly before: {
    readonly output: DataTree;
    /** For a fan-out: the places in the list. */
    readonly items: readonly number[];
  };
}

export interface StagedJobIdentity {
  readonly type: string;
  readonly key: string;
  readonly id: string;
  readonly life: number;
  readonly queueUrl: string;
  /** Where what is too large lies. */
  readonly bucket: string;
}

/**
 * What one place of the execution's data may hold inline. There are three (payload, message, output), and the output of a fan-out or of stages side by side
 * shares its place.
 */
export const LONGEST_INLINE_BYTES = 45_000;

const ref = z.union([z.looseObject({ value: z.unknown() }), z.looseObject({ object: z.string() })]);

/** What is read of an execution's input. */
const executionData = z.looseObject({
  job: z.looseObject({
    type: z.string(),
    key: z.string(),
    id: z.string(),
    life: z.int(),
    queueUrl: z.string(),
    bucket: z.string(),
  }),
  message: ref,
  before: z.looseObject({ items: z.array(z.int()) }),
});

/** @returns `undefined` for what no starter has begun, such as an execution that somebody started by hand */
export function executionDataOf(input: string | null | undefined): ExecutionData | undefined {
  try {
    const data: unknown = JSON.parse(input ?? '');
    return executionData.safeParse(data).success ? (data as ExecutionData) : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps values between stages, by their content: the same value is the same object, however often it is kept. */
export class StageData {
  readonly bucket: string;
  readonly #client: () => Promise<S3Client>;

  /** @param client made when first needed */
  constructor(bucket: string, client: () => Promise<S3Client>) {
    this.bucket = bucket;
    this.#client = client;
  }

  /** @param shares how many such values share the place @default 1 */
  async keep(
    { type, key }: Pick<StagedJobIdentity, 'type' | 'key'>,
    value: unknown,
    shares = 1,
  ): Promise<DataRef> {
    // JSON has no undefined, and the execution's data is JSON.
    const json = JSON.stringify(value ?? null);
    if (Buffer.byteLength(json) <= LONGEST_INLINE_BYTES / shares) return { value: value ?? null };
    const job = createHash('sha256').update(jobPartitionKey(type, key)).digest('hex').slice(0, 32);
    const object = `${stageDataPrefix(type)}${job}/${createHash('sha256').update(json).digest('hex')}.json`;
    const { PutObjectCommand } = await import('@aws-sdk/client-s3');
    const client = await this.#client();
    await client.send(
      new PutObjectCommand({
        Bucket: this.bucket,
        Key: object,
        Body: json,
        ContentType: 'application/json',
      }),
    );
    return { object };
  }

  async read(ref: DataRef): Promise<unknown> {
    if ('value' in ref) return ref.value;
    const { GetObjectCommand } = await import('@aws-sdk/client-s3');
    const client = await this.#client();
    const { Body } = await client.send(new GetObjectCommand({ Bucket: this.bucket, Key: ref.object }));
    return JSON.parse((await Body?.transformToString()) ?? 'null');
  }

  async readTree(tree: DataTree): Promise<unknown> {
    if (isList(tree)) return Promise.all(tree.map((ref) => this.read(ref)));
    if (isRef(tree)) return this.read(tree);
    const named = await Promise.all(
      Object.entries(tree).map(async ([name, ref]) => [name, await this.read(ref)] as const),
    );
    return Object.fromEntries(named);
  }
}

/** A value as far as it is inline; what lies in the bucket is told by its key. */
export function shownOf(tree: DataTree): unknown {
  if (isList(tree)) return tree.map(shownOf);
  if (isRef(tree)) return 'value' in tree ? tree.value : tree;
  return Object.fromEntries(Object.entries(tree).map(([name, ref]) => [name, shownOf(ref)]));
}

function isList(tree: DataTree): tree is readonly DataRef[] {
  return Array.isArray(tree);
}

function isRef(tree: DataTree): tree is DataRef {
  // No stage has such a name: a contract refuses both.
  return 'value' in tree || 'object' in tree;
}
