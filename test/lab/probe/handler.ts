import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type * as z from 'zod';
import {
  consume,
  deadLetter,
  documentClient,
  type IfUncertain,
  NotDone,
  PermanentError,
  repeat,
  verify,
} from '../../../shared/consumer/index.ts';
import { required, tableVariable } from '../../../shared/jobs/environment.ts';
import { probe } from './contract.ts';

const dynamo = documentClient();
type Payload = z.output<typeof probe.payload>;

/** Each is an effect that cannot be undone: what the tests count. */
async function count(client: DynamoDBDocumentClient, name: string): Promise<number> {
  const { Attributes } = await client.send(
    new UpdateCommand({
      TableName: required(tableVariable('stock')),
      Key: { sku: name },
      UpdateExpression: 'ADD available :one',
      ExpressionAttributeValues: { ':one': 1 },
      ReturnValues: 'UPDATED_NEW',
    }),
  );
  return Attributes?.available as number;
}

export const handler = consume(probe, async (payload, { signal, step }) => {
  const run = await count(dynamo, `run:${payload.key}`);
  if (payload.step) {
    const { acts, ifUncertain } = payload.step;
    await step('effect', () => stepAct(payload.key, acts), { ifUncertain: choice(ifUncertain) });
  }
  await act(payload, payload.acts[Math.min(run, payload.acts.length) - 1], signal);
  return { run };
});

async function stepAct(key: string, acts: NonNullable<Payload['step']>['acts']): Promise<{ effect: number }> {
  const effect = await count(dynamo, `effect:${key}`);
  switch (acts[Math.min(effect, acts.length) - 1]) {
    case 'throw':
      throw new Error('the provider did not answer');
    case 'notDone':
      throw new NotDone('the provider refused');
    case 'refusedForGood':
      throw new NotDone('the provider refused', { cause: new PermanentError('never', { code: 'REFUSED' }) });
    case 'exit':
      process.exit(1);
  }
  return { effect };
}

function choice(ifUncertain: NonNullable<Payload['step']>['ifUncertain']): IfUncertain<{ effect: number }> {
  switch (ifUncertain) {
    case 'repeat':
      return repeat();
    case 'deadLetter':
      return deadLetter();
    case 'verify-done':
      return verify(async () => ({ found: 'done', result: { effect: 1 } }));
    case 'verify-notDone':
      return verify(async () => ({ found: 'notDone' }));
    case 'verify-unknown':
      return verify(async () => ({ found: 'unknown' }));
  }
}

async function act(
  payload: Payload,
  what: Payload['acts'][number] | undefined,
  signal: AbortSignal,
): Promise<void> {
  switch (what) {
    case 'throw':
      throw new Error('as the test wanted', { cause: new Error('the deeper reason') });
    case 'permanent':
      throw new PermanentError('cannot ever work', { code: 'HOPELESS' });
    case 'hang':
      return new Promise(() => {});
    case 'heed':
      return new Promise((_, fail) => signal.addEventListener('abort', () => fail(signal.reason)));
    case 'exit':
      process.exit(1);
      break;
    case 'slow':
      return new Promise((done) => setTimeout(done, 500));
    case 'impostor':
      throw Object.assign(new Error('named like an error of Powertools'), {
        name: 'IdempotencyInconsistentStateError',
      });
    case 'mutate':
      payload.key = 'another';
      payload.acts.length = 0;
  }
}
