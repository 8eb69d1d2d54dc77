import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeRuleCommand, DisableRuleCommand, EnableRuleCommand } from '@aws-sdk/client-eventbridge';
import { describe, expect, it } from 'vitest';
import { START_MS, type StatesLabOptions } from '../states/states-lab.ts';
import { EventsLab } from './events-lab.ts';
import { queueTarget, rule } from './rules.ts';

const MINUTE = 60;
const every = (ScheduleExpression: string, fields: object = {}) =>
  rule('Orders', { Name: 'orders', ScheduleExpression, Targets: [queueTarget('Queue', fields)] });
const quarterly = (options?: StatesLabOptions) => EventsLab.open(every('rate(15 minutes)'), options);

/** The times of all events so far: what was looked at is visible again by then. */
const told = async (lab: EventsLab): Promise<string[]> => (await lab.bodies()).map(({ time }) => time).sort();

describe('a rule with a schedule', () => {
  it('tells its targets at its rate, the first time an interval after it was made', async () => {
    await using lab = await quarterly();
    await lab.lab.pass(15 * MINUTE - 1);
    expect(await told(lab)).toEqual([]);
    await lab.lab.pass(1);
    const [event] = await lab.bodies();
    expect(event).toEqual({
      version: '0',
      id: expect.any(String),
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account: '000000000000',
      time: '2030-01-01T12:15:00Z',
      region: 'us-east-1',
      resources: ['arn:aws:events:us-east-1:000000000000:rule/orders'],
      detail: {},
    });
    await lab.lab.pass(30 * MINUTE);
    expect(await told(lab)).toEqual(['2030-01-01T12:15:00Z', '2030-01-01T12:30:00Z', '2030-01-01T12:45:00Z']);
    expect(lab.count('TriggeredRules')).toBe(3);
  });

  it('gives a target the input that it names', async () => {
    await using lab = await EventsLab.open(every('rate(1 hour)', { Input: '{"sweep":true}' }));
    await lab.lab.pass(60 * MINUTE);
    expect(await lab.bodies()).toEqual([{ sweep: true }]);
  });

  it('is nothing that the cloud waits for: it is idle, and has no next event', async () => {
    await using lab = await quarterly();
    expect(lab.lab.cloud.idle()).toBe(true);
    expect(lab.lab.cloud.nextEventMs()).toBeUndefined();
    await lab.lab.drain();
    expect(lab.lab.cloud.clock.now()).toBeLessThan(START_MS + 15 * MINUTE * 1000);
  });

  it('is told of by the API, and tells nothing while it is disabled', async () => {
    await using lab = await quarterly();
    const described = await lab.client.send(new DescribeRuleCommand({ Name: 'orders' }));
    expect(described).toMatchObject({ ScheduleExpression: 'rate(15 minutes)', State: 'ENABLED' });
    expect(described).not.toHaveProperty('EventPattern');
    await lab.client.send(new DisableRuleCommand({ Name: 'orders' }));
    await lab.lab.pass(20 * MINUTE);
    expect(await told(lab)).toEqual([]);
    await lab.client.send(new EnableRuleCommand({ Name: 'orders' }));
    await lab.lab.pass(20 * MINUTE);
    expect(await told(lab)).toEqual(['2030-01-01T12:30:00Z']);
  });

  it('goes on after a restart, and makes up for what it missed once', async () => {
    const dataDirectory = mkdtempSync(join(tmpdir(), 'state-'));
    {
      await using first = await quarterly({ dataDirectory });
      await first.lab.pass(20 * MINUTE);
      expect(await told(first)).toEqual(['2030-01-01T12:15:00Z']);
    }
    await using second = await quarterly({ dataDirectory, startMs: START_MS + 64 * MINUTE * 1000 });
    await second.lab.pass(0);
    expect(await told(second)).toEqual(['2030-01-01T12:15:00Z', '2030-01-01T13:04:00Z']);
    await second.lab.pass(15 * MINUTE);
    expect((await told(second)).slice(2)).toEqual(['2030-01-01T13:15:00Z']);
  });
});

describe('an event', () => {
  it('that EventBridge loses is told to nobody', async () => {
    const pattern = { EventPattern: { source: ['shop'] }, Targets: [queueTarget('Queue')] };
    await using lab = await EventsLab.open(rule('Orders', { Name: 'orders', ...pattern }));
    const lift = lab.lab.cloud.faults.lose(({ detail }) => detail.id === 7);
    const { Entries } = await lab.put({ Detail: '{"id":7}' }, { Detail: '{"id":8}' });
    expect(Entries?.every(({ EventId }) => EventId !== undefined)).toBe(true);
    lift();
    await lab.put({ Detail: '{"id":7}' });
    expect((await lab.bodies()).map(({ detail }) => detail.id).sort()).toEqual([7, 8]);
  });
});
