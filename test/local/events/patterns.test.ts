import { TestEventPatternCommand } from '@aws-sdk/client-eventbridge';
import { describe, expect, it } from 'vitest';
import { EventsLab } from './events-lab.ts';
import { rule } from './rules.ts';

describe('a pattern', () => {
  const event = {
    id: '1',
    source: 'shop',
    'detail-type': 'order',
    account: '000000000000',
    time: '2030-01-01T12:00:00Z',
    region: 'us-east-1',
    resources: ['a', 'b'],
    detail: {
      name: 'Kim',
      total: 5,
      paid: true,
      note: null,
      tags: ['x', 'y'],
      lines: [{ sku: 1 }, { sku: 2 }],
    },
  };

  it.each<[object, boolean]>([
    [{ source: ['shop'] }, true],
    [{ source: ['other', 'shop'], 'detail-type': ['order'] }, true],
    [{ source: ['shop'], 'detail-type': ['refund'] }, false],
    [{ resources: ['b'] }, true],
    [{ detail: { total: [5] } }, true],
    [{ detail: { total: ['5'] } }, false],
    [{ detail: { paid: [true], note: [null] } }, true],
    [{ detail: { name: [{ prefix: 'K' }] } }, true],
    [{ detail: { name: [{ prefix: { 'equals-ignore-case': 'k' } }] } }, true],
    [{ detail: { name: [{ suffix: 'x' }] } }, false],
    [{ detail: { name: [{ 'equals-ignore-case': 'KIM' }] } }, true],
    [{ detail: { name: [{ wildcard: 'K*m' }] } }, true],
    [{ detail: { name: [{ 'anything-but': 'Kim' }] } }, false],
    [{ detail: { name: [{ 'anything-but': ['Lee', 'Bo'] }] } }, true],
    [{ detail: { name: [{ 'anything-but': { prefix: 'K' } }] } }, false],
    [{ detail: { missing: [{ 'anything-but': 'x' }] } }, false],
    [{ detail: { missing: [{ exists: false }], name: [{ exists: true }] } }, true],
    [{ detail: { name: [{ exists: false }] } }, false],
    [{ detail: { total: [{ numeric: ['>', 1, '<=', 5] }] } }, true],
    [{ detail: { total: [{ numeric: ['=', 6] }] } }, false],
    [{ detail: { tags: ['y'] } }, true],
    [{ detail: { lines: { sku: [2] } } }, true],
    [{ $or: [{ source: ['other'] }, { detail: { total: [5] } }] }, true],
  ])('%j matches: %s', async (pattern, matches) => {
    await using lab = await EventsLab.open({});
    const { Result } = await lab.client.send(
      new TestEventPatternCommand({ EventPattern: JSON.stringify(pattern), Event: JSON.stringify(event) }),
    );
    expect(Result).toBe(matches);
  });

  it.each([
    [{ source: 'shop' }],
    [{ source: [] }],
    [{ source: [{ like: 'x' }] }],
    [{ detail: { n: [{ numeric: ['~', 1] }] } }],
  ])('%j is refused when it is deployed', async (pattern) => {
    const resources = rule('Orders', { EventPattern: pattern, Targets: [] });
    await expect(EventsLab.open(resources)).rejects.toThrow(/App\/Orders .*Event pattern is not valid/);
  });
});
