import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';
import { deadLetter } from '../../../shared/consumer/index.ts';
import { defineJob } from '../../../shared/jobs/define-job.ts';
import { tableName } from '../../../shared/jobs/names.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { InProcess } from '../../lab/in-process.ts';
import { Lab } from '../../lab/lab.ts';

const found = defineJob({
  type: 'found',
  payload: z.object({ key: z.string() }),
  key: ({ key }) => key,
});

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
});
afterAll(() => lab.stop());

describe('a lookup of more than DynamoDB answers at once', () => {
  it('finds all steps', async () => {
    const consumer = new InProcess(lab, found);
    await consumer.publish({ key: 'many-steps' });
    await consumer.deliver({
      handler: async (_, { step }) => {
        for (let index = 0; index < 5; index++)
          await step(`large-${index}`, async () => 'x'.repeat(290_000), { ifUncertain: deadLetter() });
      },
    });
    expect(await lab.lookup.steps({ pk: 'found#many-steps' })).toHaveLength(5);
  });

  it('finds all jobs of an id', async () => {
    const items = Array.from({ length: 900 }, (_, index) => ({
      pk: `found#${String(index).padStart(1100, '-')}`,
      sk: 'id#popular',
      jobId: 'popular'.padEnd(200, '-'),
      expiration: Math.ceil(lab.cloud.clock.now() / 1000) + 3600,
    }));
    for (let from = 0; from < items.length; from += 25)
      await lab.dynamo.send(
        new BatchWriteCommand({
          RequestItems: {
            [tableName(STAGE, 'jobs')]: items
              .slice(from, from + 25)
              .map((Item) => ({ PutRequest: { Item } })),
          },
        }),
      );
    expect(await lab.lookup.partitionKeysOf('popular'.padEnd(200, '-'))).toHaveLength(900);
  });
});
