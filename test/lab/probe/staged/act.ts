import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import {
  deadLetter,
  documentClient,
  PermanentError,
  RetryNoSooner,
} from '../../../../shared/consumer/index.ts';
import { required, tableVariable } from '../../../../shared/jobs/environment.ts';
import type { StageContext } from '../../../../shared/stages/index.ts';
import type { staged } from './contract.ts';

const dynamo = documentClient();

/** Counts a run of a stage where the tests can see it, and does as the payload says. */
export async function act(
  stage: string,
  { payload: { key, acts }, index, signal, step }: StageContext<z.output<typeof staged.payload>>,
): Promise<string> {
  const name = index === undefined ? stage : `${stage}[${index}]`;
  const run = await counted(`stage:${key}:${name}`);
  switch (acts[name]?.[run - 1]) {
    case 'throw':
      return fails();
    case 'permanent':
      throw new PermanentError('cannot ever work', { code: 'HOPELESS' });
    case 'no-sooner':
      throw new RetryNoSooner(300, 'overloaded');
    case 'exit':
      process.exit(1);
      break;
    case 'hang':
      await aborted(signal);
      break;
    case 'throw-in-step':
      await step('call', fails, { ifUncertain: deadLetter() });
      break;
    case 'hang-in-step':
      await step('call', () => aborted(signal), { ifUncertain: deadLetter() });
      break;
    case 'effect':
      await step('effect', () => counted(`effect:${key}:${name}`), { ifUncertain: deadLetter() });
      break;
    case 'large':
      return 'x'.repeat(300_000);
  }
  return '';
}

/** Each is an effect that cannot be undone. */
async function counted(sku: string): Promise<number> {
  const { Attributes } = await dynamo.send(
    new UpdateCommand({
      TableName: required(tableVariable('stock')),
      Key: { sku },
      UpdateExpression: 'ADD available :one',
      ExpressionAttributeValues: { ':one': 1 },
      ReturnValues: 'UPDATED_NEW',
    }),
  );
  return Attributes?.available as number;
}

async function fails(): Promise<never> {
  throw new Error('as the test wanted');
}

async function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, fail) => signal.addEventListener('abort', () => fail(signal.reason)));
}
