import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunningClock } from '../../../local/kernel/clock.ts';
import { AwsError } from '../../../local/kernel/errors.ts';
import { StepFunctions } from '../../../local/states/index.ts';
import { seedProperties } from '../../lab/seeded.ts';
import { serveRooms } from '../serve-rooms.ts';
import { START_MS } from './states-lab.ts';

seedProperties();

type Kind =
  | { readonly type: 'Pass' | 'Fail' }
  | { readonly type: 'Wait'; readonly seconds: number }
  | {
      readonly type: 'Map';
      readonly items: number;
      readonly concurrency: number;
      readonly inner: readonly Kind[];
    }
  | {
      readonly type: 'Parallel';
      readonly branches: readonly (readonly Kind[])[];
      readonly handling: Handling;
    };
type Handling = 'none' | 'retry' | 'catch';

const { kinds } = fc.letrec<{ kinds: readonly Kind[]; kind: Kind }>((tie) => ({
  kinds: fc.array(tie('kind'), { minLength: 1, maxLength: 3, depthIdentifier: 'flow' }),
  kind: fc.oneof(
    { depthIdentifier: 'flow', maxDepth: 3 },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('Pass' as const) }) },
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constant('Wait' as const), seconds: fc.integer({ min: 1, max: 9 }) }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('Fail' as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('Map' as const),
        items: fc.integer({ min: 0, max: 3 }),
        concurrency: fc.integer({ min: 0, max: 2 }),
        inner: tie('kinds'),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('Parallel' as const),
        branches: fc.array(tie('kinds'), { minLength: 1, maxLength: 2 }),
        handling: fc.constantFrom<Handling>('none', 'retry', 'catch'),
      }),
    },
  ),
}));

/** The machine, its states named as they come. */
function machineOf(flow: readonly Kind[], names = { next: 0 }): object {
  const own = flow.map(() => `S${names.next++}`);
  const states = flow.map((kind, index): [string, object] => {
    const to = own[index + 1];
    const next = kind.type === 'Fail' ? {} : to === undefined ? { End: true } : { Next: to };
    return [own[index] as string, { ...fieldsOf(kind, names, to), ...next }];
  });
  // What follows a Fail state is reached by nobody, and refused.
  const last = flow.findIndex(({ type }) => type === 'Fail');
  return { StartAt: own[0], States: Object.fromEntries(last < 0 ? states : states.slice(0, last + 1)) };
}

function fieldsOf(kind: Kind, names: { next: number }, to: string | undefined): object {
  switch (kind.type) {
    case 'Pass':
      return { Type: 'Pass' };
    case 'Fail':
      return { Type: 'Fail', Error: `E${names.next}` };
    case 'Wait':
      return { Type: 'Wait', Seconds: kind.seconds };
    case 'Map':
      return {
        Type: 'Map',
        Parameters: { 'item.$': '$$.Map.Item.Index' },
        ItemsPath: `$$.Execution.Input.lists[${kind.items}]`,
        MaxConcurrency: kind.concurrency,
        ItemProcessor: machineOf(kind.inner, names),
      };
    case 'Parallel':
      return {
        Type: 'Parallel',
        Branches: kind.branches.map((branch) => machineOf(branch, names)),
        ...(kind.handling === 'retry' && { Retry: [{ ErrorEquals: ['States.ALL'], MaxAttempts: 1 }] }),
        ...(kind.handling === 'catch' && to && { Catch: [{ ErrorEquals: ['States.ALL'], Next: to }] }),
      };
  }
}

const INPUT = JSON.stringify({ lists: [[], [1], [1, 2], [1, 2, 3]] });

const nobody = () => {
  throw new AwsError('ResourceNotFoundException', 'there are no functions here', 404);
};

async function serve(directory: string, startMs: number) {
  const served = await serveRooms(
    (context) => ({
      states: new StepFunctions(context, {
        iam: { allows: () => true, mayAssume: () => true },
        lambda: { invoke: nobody, invokeLater: nobody, function: nobody },
        services: () => [],
      }),
    }),
    { directory, clock: new RunningClock({ startMs }), random: () => 0.5, starts: false },
  );
  served.rooms.states.start();
  return served;
}

/** Moves time on from event to event: to the execution's end, or `steps` times. */
async function move(
  states: StepFunctions,
  clock: RunningClock,
  steps = Number.POSITIVE_INFINITY,
): Promise<void> {
  for (let step = 0; ; step++) {
    while (states.busy) await new Promise((turn) => setImmediate(turn));
    const nextMs = states.nextEventMs;
    if (nextMs === undefined || step >= steps) return;
    await clock.pass(Math.max(1, nextMs - clock.now()));
  }
}

/** Starts an execution, restarts the cloud after so many moments, and tells how it ended. */
async function ran(machine: object, restarts: readonly number[], redrives = 0) {
  const directory = mkdtempSync(join(tmpdir(), 'machine-'));
  let served = await serve(directory, START_MS);
  try {
    const { arn } = served.rooms.states.putMachine('any', JSON.stringify(machine), 'arn:aws:iam::0:role/any');
    const execution = served.rooms.states.startExecution(arn, INPUT, 'one');
    for (const moments of restarts) {
      await move(served.rooms.states, served.clock, moments);
      const atMs = served.clock.now();
      await served.stop();
      served = await serve(directory, atMs);
    }
    const { states } = served.rooms;
    await move(states, served.clock);
    for (let redrive = 0; redrive < redrives; redrive++) {
      if (states.executions.get(execution.arn).status === 'SUCCEEDED') break;
      await states.redriveExecution(execution.arn, undefined);
      await move(states, served.clock);
    }
    const { status, output, error, transitions } = states.executions.get(execution.arn);
    const events = states.history.page(execution.arn, { after: 0, limit: 25_000, reverse: false });
    return { status, output, error, transitions, events };
  } finally {
    await served.stop();
    rmSync(directory, { recursive: true });
  }
}

describe('any machine of passes, waits, failures, Map and Parallel states', () => {
  it('ends the same, with the same history, wherever the cloud is restarted', async () => {
    const restarts = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(kinds, restarts, async (flow, moments) => {
        const machine = machineOf(flow);
        const plain = await ran(machine, []);
        const restarted = await ran(machine, moments);
        const types = ({ events }: typeof plain) => events.map(({ type, details }) => [type, details]);
        expect(plain.status).not.toBe('RUNNING');
        expect({ ...restarted, events: types(restarted) }).toEqual({ ...plain, events: types(plain) });
      }),
      { numRuns: 30 },
    );
  });

  it('leaves each state that it enters once, unless it fails or is stopped in it, also when it is redriven', async () => {
    await fc.assert(
      fc.asyncProperty(kinds, async (flow) => {
        const { events, status, transitions } = await ran(machineOf(flow), [], 2);
        expect(status).not.toBe('RUNNING');
        const count = (end: string) => events.filter(({ type }) => type.endsWith(end)).length;
        expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
        expect(events.every(({ id, previousId }) => previousId < id)).toBe(true);
        expect(count('StateExited')).toBeLessThanOrEqual(count('StateEntered'));
        expect(transitions).toBeGreaterThanOrEqual(count('StateEntered'));
        // A success leaves nothing open but what a caught or retried failure left.
        const failures = count('StateFailed') + count('StateAborted') + count('FailStateEntered');
        if (failures === 0) expect(count('StateExited')).toBe(count('StateEntered'));
        expect(count('MapIterationStarted')).toBeGreaterThanOrEqual(count('MapIterationSucceeded'));
        expect(count('ExecutionSucceeded')).toBe(status === 'SUCCEEDED' ? 1 : 0);
        expect(count('ExecutionFailed') + count('ExecutionSucceeded')).toBe(count('ExecutionRedriven') + 1);
      }),
      { numRuns: 40 },
    );
  });
});
