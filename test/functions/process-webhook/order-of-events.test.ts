import { GetCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type ToldChange, WebhookStates } from '../../../functions/process-webhook/webhook-states.ts';
import { PermanentError } from '../../../shared/consumer/index.ts';
import { tableName } from '../../../shared/jobs/names.ts';
import { reaches, SUBJECT_KINDS, statesOf } from '../../../shared/webhooks/states.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab } from '../../lab/lab.ts';

let lab: Lab;
let states: WebhookStates;
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
  states = new WebhookStates(lab.dynamo, tableName(STAGE, 'webhook-states'));
});
afterAll(() => lab?.stop());

const { signal } = new AbortController();
let made = 0;

type Kind = ToldChange['subject']['kind'];
interface Told {
  readonly state: string;
  readonly at: number;
}

async function rowOf(kind: Kind, id: string): Promise<Record<string, unknown> | undefined> {
  const { Item } = await lab.dynamo.send(
    new GetCommand({
      TableName: tableName(STAGE, 'webhook-states'),
      Key: { subject: `${kind}/${id}` },
      ConsistentRead: true,
    }),
  );
  return Item;
}

/** Applies events in an order. @returns what became of each, and what stands in the end */
async function apply(kind: Kind, events: readonly Told[]) {
  const id = `any-${++made}`;
  const outcomes: string[] = [];
  for (const event of events) {
    const change = {
      subject: { kind, id },
      ...event,
      provider: 'acme-shop',
      eventId: `${event.at}-${event.state}`,
    };
    try {
      const { applied } = await states.apply(change, signal);
      outcomes.push(applied ? 'applied' : 'left out');
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      outcomes.push(error.code);
    }
  }
  return { outcomes, row: await rowOf(kind, id) };
}

const kinds = fc.constantFrom(...SUBJECT_KINDS);

/** A life of a subject: each state can follow the one before, times may be the same, and the provider may repeat itself. */
const legal = kinds.chain((kind) =>
  fc
    .array(fc.record({ pick: fc.nat(), later: fc.integer({ min: 0, max: 2 }) }), {
      minLength: 1,
      maxLength: 6,
    })
    .map((steps) => {
      const events: Told[] = [];
      for (const { pick, later } of steps) {
        const last = events.at(-1);
        const next = last
          ? statesOf(kind).filter((state) => reaches(kind, last.state, state))
          : statesOf(kind);
        const state = next[pick % next.length];
        if (state === undefined) break;
        events.push({ state, at: (last?.at ?? 1) + later });
      }
      return { kind, events };
    }),
);

describe('the events of a payment or an order', () => {
  it('end in the same state in whatever order they come, however often, whenever all of them are legal', async () => {
    const shuffled = legal.chain(({ kind, events }) =>
      fc.record({
        kind: fc.constant(kind),
        events: fc.constant(events),
        order: fc
          .shuffledSubarray([...events, ...events], { minLength: 2 * events.length })
          .filter((order) => order.length >= events.length),
      }),
    );
    await fc.assert(
      fc.asyncProperty(shuffled, async ({ kind, events, order }) => {
        const { outcomes, row } = await apply(kind, order);
        expect(row).toMatchObject(events.at(-1) as Told);
        expect(outcomes).not.toContain('IMPOSSIBLE_TRANSITION');
      }),
      { numRuns: 150 },
    );
  });

  it('never go back, and never go where none can go, whatever comes', async () => {
    const any = kinds.chain((kind) =>
      fc.record({
        kind: fc.constant(kind),
        events: fc.array(
          fc.record({ state: fc.constantFrom(...statesOf(kind)), at: fc.integer({ min: 1, max: 4 }) }),
          { minLength: 1, maxLength: 8 },
        ),
      }),
    );
    await fc.assert(
      fc.asyncProperty(any, async ({ kind, events }) => {
        const { outcomes, row } = await apply(kind, events);
        const applied = events.filter((_, place) => outcomes[place] === 'applied');
        let last: Told | undefined;
        for (const event of applied) {
          if (last) {
            expect(event.at).toBeGreaterThanOrEqual(last.at);
            expect(event.state === last.state || reaches(kind, last.state, event.state)).toBe(true);
          }
          last = event;
        }
        expect(row).toMatchObject(last ?? {});
      }),
      { numRuns: 150 },
    );
  });
});
