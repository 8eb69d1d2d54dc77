import { expect } from 'vitest';
import type { DeliveryFault, ObservedDelivery } from '../../../local/faults/index.ts';
import { AwsError } from '../../../local/kernel/errors.ts';
import { jobPartitionKey, type StepRecord, stepSortKey } from '../../../shared/jobs/record.ts';
import { staged } from '../../lab/probe/staged/contract.ts';
import { all, type Lift, liftOf, onceLifted, strikes } from '../lift.ts';
import { MINUTE, once } from '../rows/row.ts';
import type { Call } from './calls.ts';
import { nothing, type StagedRow, under } from './row.ts';
import { STRUCK, type StagedTrial } from './staged-trial.ts';

const REFUSED = new AwsError('ServiceException', 'Lambda could not do it.', 500);
/** Whose answer nobody gets: Step Functions tells it as `Lambda.Unknown`. */
const UNKNOWN = new AwsError('Unknown', 'No answer came.', 500);

/** What happens to the messages of a staged job, and to the workers of its stages. */
export const WORKERS: readonly StagedRow[] = [
  { what: 'nothing befalls it', begin: under(() => nothing) },
  { what: 'two messages come at once', begin: under(comesAgain, [], { twice: true }) },
  {
    what: 'SQS delivers it twice at the same time',
    begin: under((trial) =>
      all(
        strikes<ObservedDelivery, DeliveryFault>(
          (rule) => trial.lab.cloud.faults.deliver(rule),
          once(({ queueArn }) => queueArn === trial.queueArn, 'twice-at-once'),
        ),
        comesAgain(trial),
      ),
    ),
  },
  {
    what: 'its starter is throttled for ten minutes',
    begin: under((trial) => onceLifted(trial.lab.cloud.faults.throttle(trial.starter), () => trial.received)),
    lastsSeconds: 10 * MINUTE,
  },
  { what: 'a stage throws twice', begin: under(() => nothing, ['throw', 'throw']) },
  { what: 'a stage throws in each of its runs', begin: under(() => nothing, ['throw', 'throw', 'throw']) },
  { what: 'a stage fails for good', begin: under(() => nothing, ['permanent']) },
  { what: 'a stage runs past its time', begin: under(() => nothing, ['hang']) },
  {
    what: 'Lambda refuses to run a stage, twice',
    begin: under((trial) =>
      intercepted(trial, 2, () => {
        throw REFUSED;
      }),
    ),
  },
  {
    what: 'a stage does its work, and its answer is lost',
    begin: under((trial) => intercepted(trial, 1, givenUpOn)),
    holds: async (trial) => expect((await trial.runs()).get(STRUCK)).toBe(1),
  },
  {
    what: 'a stage goes on after its time, and would begin its step while its successor runs',
    begin: under((trial) => outlived(trial, 'count the run')),
    holds: (trial) => expect(trial.seen('begin the step')).toHaveLength(1),
  },
  {
    what: 'a stage goes on after its time, and finishes its step when its successor has found it under way',
    begin: under((trial) => outlived(trial, 'finish the step', 'begin the step')),
  },
  {
    what: 'a stage goes on after its time, and would finish while its successor runs',
    begin: under(finishesLate),
    holds: finishedNothing,
  },
  {
    what: 'the machine gives up on a stage that is well, which would finish beside its successor',
    begin: (trial) => givenUpOnAnd(trial, finishesLate(trial)),
    holds: finishedNothing,
  },
  {
    what: 'the machine gives up on a stage that is well, which would begin its step beside its successor',
    begin: (trial) => givenUpOnAnd(trial, overtaken(trial)),
    holds: begunBySuccessor,
  },
];

/** More messages of it are received than of a job that nothing befalls. */
function comesAgain(trial: StagedTrial): Lift {
  return liftOf(
    () => {},
    () => trial.received - 1,
  );
}

type Invoke = () => void;

/** It runs, and nobody is told how it ends. */
function givenUpOn(invoke: Invoke): never {
  invoke();
  throw UNKNOWN;
}

/** The first worker's time is not over when the second one begins. */
async function givenUpOnAnd(trial: StagedTrial, befall: Lift): Promise<Lift> {
  const { lab } = trial;
  const lift = all(intercepted(trial, 1, givenUpOn), befall);
  await trial.publish();
  const retryMs = () => lab.cloud.states.nextEventMs;
  await lab.until(async () => trial.held && retryMs() !== undefined);
  await lab.cloud.clock.advance((retryMs() ?? 0) - lab.cloud.clock.now());
  return lift;
}

/** The first worker goes on when its successor has taken its stage, which waits until the first one has been refused its step. */
function overtaken(trial: StagedTrial): Lift {
  const first = trial.hold('count the run');
  const second = trial.hold('count the run', [2]);
  const faults = all(
    trial.befall('take the stage over', 'after', () => {
      first();
      return undefined;
    }),
    trial.befall('begin the step', 'after', () => {
      second();
      return undefined;
    }),
    first,
  );
  return guarded(faults, second);
}

/** Faults, and what holds the successor back where it comes to it before they have struck. */
function guarded(faults: Lift, guard: Lift): Lift {
  return liftOf(() => {
    faults();
    guard();
  }, faults.struck);
}

/** Stands in for Lambda at the first invocations of the struck stage. */
function intercepted({ lab, stage }: StagedTrial, times: number, act: (invoke: Invoke) => void): Lift {
  const { states, lambda } = lab.cloud;
  let struck = 0;
  states.intercept = (functionArn, payload) => {
    if (!functionArn.endsWith(`:${stage}`) || struck >= times) return;
    struck++;
    act(() => void lambda.invoke(functionArn, payload));
  };
  return liftOf(
    () => {
      states.intercept = undefined;
    },
    () => struck,
  );
}

/** Holds a call of the first worker back until its successor has made another one. */
function outlived(trial: StagedTrial, call: Call, until: Call = 'take the stage over'): Lift {
  const goOn = trial.hold(call);
  let successor = false;
  const took = trial.befall('take the stage over', 'before', () => {
    successor = true;
    return undefined;
  });
  const watch = trial.befall(
    until,
    'after',
    () => {
      if (successor) goOn();
      return undefined;
    },
    'each',
  );
  return all(took, watch, goOn);
}

/** The first worker finishes its stage when its successor has it, which waits until what came of that has been looked at. */
function finishesLate(trial: StagedTrial): Lift {
  const first = trial.hold('finish the stage');
  const second = trial.hold('count the run', [2]);
  const faults = all(
    trial.befall('take the stage over', 'after', () => {
      first();
      return undefined;
    }),
    trial.befall('finish the stage', 'after', () => ({
      heldUntil: stageOf(trial)
        .then((stage) => {
          trial.looks.push(stage);
        })
        .finally(second),
    })),
    first,
  );
  return guarded(faults, second);
}

/** I6: the stage was still its successor's, and under way. */
function finishedNothing(trial: StagedTrial): void {
  const owner = trial.seen('take the stage over').at(-1)?.ExpressionAttributeValues?.[':owner']?.S;
  expect(trial.looks).toEqual([expect.objectContaining({ state: 'begun', owner })]);
}

/** Two asked for it, and it is the successor's. */
async function begunBySuccessor(trial: StagedTrial): Promise<void> {
  const owner = trial.seen('take the stage over').at(-1)?.ExpressionAttributeValues?.[':owner']?.S;
  expect(trial.seen('begin the step')).toHaveLength(2);
  expect(await stepOf(trial, `stage/${STRUCK}/effect`)).toMatchObject({ state: 'done', owner });
}

function stageOf(trial: StagedTrial): Promise<StepRecord | undefined> {
  return stepOf(trial, `stage/${STRUCK}`);
}

async function stepOf({ lab, key }: StagedTrial, name: string): Promise<StepRecord | undefined> {
  const steps = await lab.lookup.steps({ pk: jobPartitionKey(staged.type, key) });
  return steps.find(({ sk }) => sk === stepSortKey(name));
}
