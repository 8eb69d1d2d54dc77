import { GetCommand } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import { tableName } from '../../../shared/jobs/names.ts';
import { STAGE } from '../global-setup.ts';
import type { Lab } from '../lab.ts';
import type { probe } from './contract.ts';

export type ProbeInput = z.input<typeof probe.payload>;

/** How often the probe did something: `run:<key>` for its handler, `effect:<key>` for its step. */
export async function countOf(lab: Lab, name: string): Promise<number> {
  const { Item } = await lab.dynamo.send(
    new GetCommand({ TableName: tableName(STAGE, 'stock'), Key: { sku: name }, ConsistentRead: true }),
  );
  return (Item?.available as number | undefined) ?? 0;
}
