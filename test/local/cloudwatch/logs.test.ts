import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EVENTS_LIMIT } from '../../../local/cloudwatch/log-ring.ts';
import { type CloudWatchLab, callJson, MINUTE_MS, NOON_MS, openCloudWatch } from './cloudwatch-lab.ts';

const logGroupName = '/aws/lambda/mail';

let lab: CloudWatchLab;
beforeEach(async () => {
  lab = await openCloudWatch();
});
afterEach(() => lab[Symbol.asyncDispose]());

function write(...lines: [stream: string, line: string, minute?: number][]): void {
  for (const [stream, line, minute = 0] of lines)
    lab.logs.append(logGroupName, stream, line, NOON_MS + minute * MINUTE_MS);
}

async function call(operation: string, input: object = {}) {
  return callJson(lab, 'logs', operation, { logGroupName, ...input });
}

async function messages(operation: string, input: object) {
  const { body } = await call(operation, input);
  return (body.events as { message: string }[]).map(({ message }) => message);
}

describe('log events', () => {
  it('are found by words, phrases, exclusions and alternatives', async () => {
    write(['a', 'ERROR mail refused by provider'], ['b', 'ERROR mail lost'], ['a', 'INFO mail sent']);
    const found = (filterPattern: string) => messages('FilterLogEvents', { filterPattern });
    expect(await found('')).toHaveLength(3);
    expect(await found('ERROR mail')).toHaveLength(2);
    expect(await found('"mail refused"')).toEqual(['ERROR mail refused by provider']);
    expect(await found('ERROR -refused')).toEqual(['ERROR mail lost']);
    expect(await found('?lost ?sent')).toEqual(['ERROR mail lost', 'INFO mail sent']);
    expect(await found('error')).toEqual([]);
  });

  it('are found by stream and time', async () => {
    write(['a', 'one', 0], ['b', 'two', 1], ['a', 'three', 2]);
    expect(await messages('FilterLogEvents', { logStreamNames: ['a'] })).toEqual(['one', 'three']);
    expect(
      await messages('FilterLogEvents', { startTime: NOON_MS + 1, endTime: NOON_MS + MINUTE_MS }),
    ).toEqual(['two']);
  });

  it('of one stream are read on to its end, where the token stays the same', async () => {
    write(['a', 'one'], ['b', 'other'], ['a', 'two'], ['a', 'three']);
    const read = async (nextToken?: unknown) =>
      (await call('GetLogEvents', { logStreamName: 'a', startFromHead: true, limit: 2, nextToken })).body;
    const first = await read();
    const second = await read(first.nextForwardToken);
    const end = await read(second.nextForwardToken);
    expect([first, second, end].map(({ events }) => (events as unknown[]).length)).toEqual([2, 1, 0]);
    expect(end.nextForwardToken).toBe(second.nextForwardToken);
    write(['a', 'four']);
    expect((await read(end.nextForwardToken)).events).toMatchObject([{ message: 'four' }]);
  });

  it('of one stream are read from its end backwards', async () => {
    write(['a', 'one'], ['a', 'two'], ['a', 'three']);
    const read = async (nextToken?: unknown) =>
      (await call('GetLogEvents', { logStreamName: 'a', limit: 2, nextToken })).body;
    const last = await read();
    const before = await read(last.nextBackwardToken);
    expect([last, before].map(({ events }) => events)).toMatchObject([
      [{ message: 'two' }, { message: 'three' }],
      [{ message: 'one' }],
    ]);
  });

  it('that come later are found from the end on', async () => {
    write(['b', 'other']);
    const { body } = await call('GetLogEvents', { logStreamName: 'a' });
    expect(body.events).toEqual([]);
    write(['a', 'two']);
    expect(await messages('GetLogEvents', { logStreamName: 'a', nextToken: body.nextForwardToken })).toEqual([
      'two',
    ]);
  });

  it('stand in streams, which can be listed by their last event', async () => {
    write(['a', 'one', 5], ['b', 'two', 1]);
    const { body } = await call('DescribeLogStreams', { orderBy: 'LastEventTime', descending: true });
    expect(body.logStreams).toMatchObject([
      { logStreamName: 'a', lastEventTimestamp: NOON_MS + 5 * MINUTE_MS },
      { logStreamName: 'b', lastEventTimestamp: NOON_MS + MINUTE_MS },
    ]);
  });

  it('leave from the oldest on, once there are too many', async () => {
    for (let line = 0; line < EVENTS_LIMIT + 10; line++) write(['a', String(line)]);
    const [oldest] = await messages('GetLogEvents', { logStreamName: 'a', startFromHead: true, limit: 1 });
    expect(oldest).toBe('10');
  });

  it('leave after the retention of their group', async () => {
    lab.logs.groups.put(logGroupName, 1);
    write(['a', 'old']);
    await lab.clock.advance(24 * 60 * MINUTE_MS + 1);
    write(['a', 'new', 24 * 60 + 1]);
    expect(await messages('FilterLogEvents', {})).toEqual(['new']);
  });
});

describe('CloudWatch Logs refuses', () => {
  it('a group that is not there', async () => {
    expect(await callJson(lab, 'logs', 'FilterLogEvents', { logGroupName: '/none' })).toMatchObject({
      status: 400,
      body: { __type: 'ResourceNotFoundException' },
    });
  });

  it('a token that it never gave', async () => {
    write(['a', 'one']);
    const { body } = await call('GetLogEvents', { logStreamName: 'a', nextToken: 'x' });
    expect(body).toMatchObject({ __type: 'InvalidParameterException' });
  });

  it('a pattern over JSON fields', async () => {
    write(['a', 'one']);
    const { body } = await call('FilterLogEvents', { filterPattern: '{ $.level = "ERROR" }' });
    expect(body).toMatchObject({ __type: 'InvalidParameterException' });
  });
});
