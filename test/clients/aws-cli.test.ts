import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { readOpening, seed } from '../../cli/opening.ts';
import type { DeadLetter } from '../../shared/client/dead-letters.ts';
import { deadLetterQueueName, functionName, queueName, tableName } from '../../shared/jobs/names.ts';
import { jobPartitionKey } from '../../shared/jobs/record.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import { Lab } from '../lab/lab.ts';
import { MALFORMED } from './malformed.ts';
import { ABSENT, aws } from './programs.ts';

const { processPayment } = JOBS;

describe.skipIf(ABSENT.awsCli)('the AWS CLI', () => {
  let lab: Lab;
  let queueUrl: string;
  beforeAll(async () => {
    lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
    await seed(readOpening(), lab.dynamo, STAGE);
    queueUrl = await urlOf(queueName(STAGE, processPayment.type));
  });
  afterAll(() => lab.stop());

  const cli = (...args: string[]): Promise<unknown> => aws(lab.cloud, ...args);
  const urlOf = async (name: string): Promise<string> => {
    const { QueueUrl } = (await cli('sqs', 'get-queue-url', '--queue-name', name)) as { QueueUrl: string };
    return QueueUrl;
  };
  const send = (body: string): Promise<unknown> =>
    cli('sqs', 'send-message', '--queue-url', queueUrl, '--message-body', body);

  it('sends a message that becomes a completed job, and reads its record', async () => {
    const sent = await send(
      lab.message(processPayment, {
        transactionId: 'tx-cli',
        accountId: 'acc-0001',
        amountMinor: 1250,
        currency: 'EUR',
      }),
    );
    expect(sent).toMatchObject({ MessageId: expect.any(String), MD5OfMessageBody: expect.any(String) });
    await lab.drain();
    const key = JSON.stringify({
      pk: { S: jobPartitionKey(processPayment.type, 'tx-cli') },
      sk: { S: 'job' },
    });
    expect(
      await cli('dynamodb', 'get-item', '--table-name', tableName(STAGE, 'jobs'), '--key', key),
    ).toMatchObject({ Item: { state: { S: 'completed' }, attempts: { N: '1' } } });
  });

  it('reads what an operator looks at: attributes, mapping, alarms, logs', async () => {
    expect(
      await cli('sqs', 'get-queue-attributes', '--queue-url', queueUrl, '--attribute-names', 'All'),
    ).toMatchObject({
      Attributes: {
        QueueArn: lab.queueArn(processPayment),
        SqsManagedSseEnabled: 'true',
        RedrivePolicy: expect.stringContaining(deadLetterQueueName(STAGE, processPayment.type)),
      },
    });
    expect(
      await cli(
        'lambda',
        'list-event-source-mappings',
        '--function-name',
        functionName(STAGE, processPayment.type),
      ),
    ).toMatchObject({
      EventSourceMappings: [{ State: 'Enabled', FunctionResponseTypes: ['ReportBatchItemFailures'] }],
    });
    const name = `honest-jobs-${STAGE}-${processPayment.type}-dead-letters`;
    expect(await cli('cloudwatch', 'describe-alarms', '--alarm-name-prefix', name)).toMatchObject({
      MetricAlarms: [{ AlarmName: expect.stringContaining(name), StateValue: expect.any(String) }],
    });
    await lab.publish(processPayment, {
      transactionId: 'tx-logged',
      accountId: 'acc-nobody',
      amountMinor: 1,
      currency: 'EUR',
    });
    await lab.drain();
    const { events } = (await cli(
      'logs',
      'filter-log-events',
      '--log-group-name',
      `/aws/lambda/${functionName(STAGE, processPayment.type)}`,
      '--filter-pattern',
      'UNKNOWN_ACCOUNT',
    )) as { events: { message: string }[] };
    expect(events.map(({ message }) => message)).toContainEqual(expect.stringContaining('tx-logged'));
  });

  it('receives a dead letter and deletes it', async () => {
    await send('to be deleted');
    await lab.drain();
    const deadUrl = await urlOf(deadLetterQueueName(STAGE, processPayment.type));
    const { Messages } = (await cli(
      ...['sqs', 'receive-message', '--queue-url', deadUrl, '--max-number-of-messages', '10'],
      ...['--attribute-names', 'All', '--wait-time-seconds', '1'],
    )) as { Messages: { Body: string; ReceiptHandle: string; Attributes: Record<string, string> }[] };
    const letter = Messages.find(({ Body }) => Body === 'to be deleted');
    expect(letter?.Attributes.DeadLetterQueueSourceArn).toBe(lab.queueArn(processPayment));
    await cli(
      ...['sqs', 'delete-message', '--queue-url', deadUrl],
      ...['--receipt-handle', letter?.ReceiptHandle ?? ''],
    );
    await lab.advance(60);
    expect((await lab.deadLetters(processPayment)).map(({ body }) => body)).not.toContain('to be deleted');
  });

  describe('with ten kinds of malformed messages', () => {
    const malformedLetters = async (): Promise<DeadLetter[]> =>
      (await lab.deadLetters(processPayment)).filter(({ body }) =>
        MALFORMED.some((malformed) => malformed.body === body),
      );

    let before: DeadLetter[];
    beforeAll(async () => {
      await Promise.all(MALFORMED.map(({ body }) => send(body)));
      await lab.drain();
      before = await malformedLetters();
    });

    it.each(MALFORMED)(
      'finds $what in the dead-letter queue with its reason',
      async ({ body, code, says }) => {
        const letters = before.filter((letter) => letter.body === body);
        expect(letters).toHaveLength(1);
        expect(letters[0]?.reason).toMatchObject({ code, message: expect.stringContaining(says) });
        expect(letters[0]?.job).toBeUndefined();
      },
    );

    it('takes them back to their source queue, where they are judged again', async () => {
      const all = (await lab.deadLetters(processPayment)).length;
      const source = lab.cloud.sqs.arnOf(deadLetterQueueName(STAGE, processPayment.type));
      await cli('sqs', 'start-message-move-task', '--source-arn', source);
      const task = async () => {
        const { Results } = (await cli('sqs', 'list-message-move-tasks', '--source-arn', source)) as {
          Results: Record<string, unknown>[];
        };
        return Results[0];
      };
      await lab.until(async () => {
        await lab.advance(1);
        return (await task())?.Status !== 'RUNNING';
      });
      expect(await task()).toMatchObject({ Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: all });
      await lab.drain();

      const after = await malformedLetters();
      expect(after.map(({ body, reason }) => [body, reason]).sort()).toEqual(
        before.map(({ body, reason }) => [body, reason]).sort(),
      );
      // A redriven message has a new id: these are not letters that never left.
      const ids = new Set(before.map(({ messageId }) => messageId));
      expect(after.filter(({ messageId }) => ids.has(messageId))).toEqual([]);
    });
  });
});
