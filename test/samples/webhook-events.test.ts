import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Incoming, incoming, shopEvents } from '../../samples/webhook-events.ts';
import { FORGERIES, PROVIDERS } from '../../samples/webhook-sender/outgoing.ts';
import { providerByName } from '../../shared/webhooks/providers.ts';

const linesOf = (file: string): unknown[] =>
  readFileSync(new URL(`../../samples/${file}`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

const events = incoming();
const proper = events.filter(({ forgery }) => !forgery);
const changeOf = ({ provider, event }: Incoming) => providerByName(provider)?.changeOf(event);

describe('the webhooks of the sample day', () => {
  it('are those that their generator makes', () => {
    expect(linesOf('webhooks.ndjson')).toEqual(events);
    expect(linesOf('jobs.ndjson')).toEqual(expect.arrayContaining(shopEvents()));
  });

  it('are all read by our providers, and say something of ours but for one', () => {
    const silent = new Set(proper.filter((event) => changeOf(event) === undefined).map(({ id }) => id));
    expect([...silent]).toEqual(['evt-newsletter']);
  });

  it('come twice, at once, and newer before older', () => {
    const copies = [...Map.groupBy(proper, ({ id }) => id).values()].filter((same) => same.length > 1);
    expect(copies.length).toBeGreaterThan(10);
    expect(copies.some(([a, b]) => a?.afterSeconds === b?.afterSeconds)).toBe(true);
    const overtaken = proper.filter((event, place) => {
      const change = changeOf(event);
      return proper.slice(0, place).some((before) => {
        const other = changeOf(before);
        return change && other?.subject.id === change.subject.id && other.at > change.at;
      });
    });
    expect(overtaken.length).toBeGreaterThan(10);
  });

  it('are forged in every way, for each provider, under ids of their own', () => {
    const forged = events.filter(({ forgery }) => forgery);
    expect(new Set(forged.map(({ provider, forgery }) => `${provider} ${forgery}`)).size).toBe(
      PROVIDERS.length * FORGERIES.length,
    );
    const ids = new Set(proper.map(({ id }) => id));
    expect(forged.filter(({ id }) => ids.has(id))).toEqual([]);
  });
});
