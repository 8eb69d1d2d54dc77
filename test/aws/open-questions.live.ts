/**
 * What only AWS can settle: its documents are silent, so no local cloud can be right or wrong. Each prints what it saw, and holds that only
 * against what the app depends on.
 */
import {
  BatchExecuteStatementCommand,
  DynamoDBClient,
  ExecuteStatementCommand,
} from '@aws-sdk/client-dynamodb';
import { StartMessageMoveTaskCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tableName } from '../../shared/jobs/names.ts';
import { SqsCloud } from '../conformance/sqs-cloud.ts';
import { DeployedStage } from '../integration/deployed-stage.ts';
import { OBSERVED } from '../localstack/judgement.ts';

const WITHIN_MS = 180_000;
const FAILING_JOBS = 20;

let stage: DeployedStage;
beforeAll(async () => {
  stage = await DeployedStage.open();
});
afterAll(() => stage?.close());

const saw = (what: string): void => console.log(`  ${OBSERVED} ${what}`);

describe('only AWS can settle', () => {
  it(
    'which SentTimestamp a redriven message has',
    async () => {
      const cloud = await SqsCloud.open();
      try {
        const pair = await cloud.pair(1);
        await cloud.deadLetter(pair, 'letter');
        const letter = await cloud.receiveOne(pair.deadLetterUrl, { VisibilityTimeout: 0 });
        await cloud.client.send(new StartMessageMoveTaskCommand({ SourceArn: pair.deadLetterArn }));
        const { Status } = await cloud.endedTask(pair.deadLetterArn);
        const back = await cloud.receiveOne(pair.url, { VisibilityTimeout: 300, WaitTimeSeconds: 20 });
        const laterMs = Number(back.Attributes?.SentTimestamp) - Number(letter.Attributes?.SentTimestamp);
        saw(
          `task ${Status}; the message id is ${back.MessageId === letter.MessageId ? 'kept' : 'new'}; SentTimestamp is ${laterMs} ms later; ` +
            `receive count ${back.Attributes?.ApproximateReceiveCount}`,
        );
        // A new life is told by it: with an older one a redriven job's verdict would bind it still.
        expect(laterMs).toBeGreaterThan(0);
      } finally {
        await cloud.close();
      }
    },
    WITHIN_MS,
  );

  it(
    'whether a mapping heeds the visibility that a function gave a failed message',
    async (test) => {
      const job = stage.probe(test);
      const key = crypto.randomUUID();
      await stage.publisher.publish(job, { key, lives: [['throw', 'return']] });
      const failed = await stage.becomes(job, key, 'retrying');
      const { startedAtMs } = await stage.becomes(job, key, 'completed', 170);
      const afterMs = startedAtMs - (failed.notBeforeMs ?? 0);
      saw(`the next attempt began ${afterMs} ms after it was due; the queue itself hides for minutes`);
      expect(afterMs).toBeLessThan(20_000);
    },
    WITHIN_MS,
  );

  it(
    'whether a mapping backs off when all items of partial batches failed',
    async (test) => {
      const job = stage.probe(test);
      const seconds = async (): Promise<number> => {
        const key = crypto.randomUUID();
        const begun = Date.now();
        await stage.publisher.publish(job, { key, lives: [['return']] });
        await stage.becomes(job, key, 'completed', 170);
        return (Date.now() - begun) / 1000;
      };
      const before = await seconds();
      const failing = Array.from({ length: FAILING_JOBS }, () => crypto.randomUUID());
      await stage.publisher.publishMany(
        job,
        failing.map((key) => ({ payload: { key, lives: [['permanent' as const]] } })),
      );
      for (const key of failing) await stage.becomes(job, key, 'dead');
      const after = await seconds();
      saw(
        `publish to completed took ${before} s before, and ${after} s after ${FAILING_JOBS} jobs that failed in whole batches`,
      );
      expect(after).toBeLessThan(60);
    },
    WITHIN_MS,
  );

  it(
    'whether a function that may loop is invoked more often than 16 times in one chain of requests',
    async (test) => {
      const job = stage.probe(test);
      const key = crypto.randomUUID();
      await stage.publisher.publish(job, { key, lives: [['often']] });
      const { deferrals = 0 } = await stage.becomes(job, key, 'completed', 170);
      saw(`a job went on after it was deferred ${deferrals} times, each time by a message of its own`);
      expect(deferrals).toBeGreaterThan(16);
    },
    WITHIN_MS,
  );

  it('what PartiQL answers to a claim that is taken', async () => {
    const dynamo = new DynamoDBClient(stage.client);
    const TableName = tableName(stage.stage, 'stock');
    const sku = crypto.randomUUID();
    const insert = {
      Statement: `INSERT INTO "${TableName}" VALUE {'sku': ?, 'available': ?}`,
      Parameters: [{ S: sku }, { N: '1' }],
    };
    const fenced = {
      Statement: `UPDATE "${TableName}" SET "available" = ? WHERE "sku" = ? AND "available" = ?`,
      Parameters: [{ N: '3' }, { S: sku }, { N: '2' }],
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
    };
    await dynamo.send(new ExecuteStatementCommand(insert));
    const codes: string[] = [];
    for (const statement of [insert, fenced]) {
      const { Responses = [] } = await dynamo.send(
        new BatchExecuteStatementCommand({ Statements: [statement] }),
      );
      const { Error: error } = Responses[0] ?? {};
      codes.push(`${error?.Code} ${error?.Item ? 'with' : 'without'} the item`);
    }
    dynamo.destroy();
    saw(`INSERT of a key that is there: ${codes[0]}; UPDATE of another owner's: ${codes[1]}`);
    expect(codes.every((code) => !code.startsWith('undefined'))).toBe(true);
  });
});
