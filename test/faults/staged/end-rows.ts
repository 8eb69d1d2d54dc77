import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import { expect } from 'vitest';
import type { EventEnvelope } from '../../../local/events/index.ts';
import { AwsError } from '../../../local/kernel/errors.ts';
import { redriveStatusOf } from '../../../local/states/redrives.ts';
import { statusChangeDetail } from '../../../local/states/status-events.ts';
import { deadLetterQueueName, EXECUTION_ENDS } from '../../../shared/jobs/names.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { all, type Lift, liftOf, onceLifted, strikes } from '../lift.ts';
import { HOUR } from '../rows/row.ts';
import { dead, nothing, redrive, redrivenUnder, type StagedRow, under } from './row.ts';
import type { StagedTrial } from './staged-trial.ts';

const UNAVAILABLE = new AwsError('InternalServerError', 'The service is unavailable.', 500);

/** The event that tells how the execution ended, as it stands now. @returns tells it again */
async function teller(trial: StagedTrial): Promise<() => void> {
  const { states, events, clock } = trial.lab.cloud;
  const execution = states.executions.get(await trial.executionArn());
  const detail = statusChangeDetail(execution, redriveStatusOf(execution, clock.now()));
  return () =>
    void events.accept({
      source: 'aws.states',
      detailType: 'Step Functions Execution Status Change',
      resources: [execution.arn],
      detail,
    });
}

/** It strikes when its recorder looks at the record once more. */
async function tellAgain(trial: StagedTrial): Promise<Lift> {
  const before = trial.seen('read the record').length;
  (await teller(trial))();
  return liftOf(
    () => {},
    () => trial.seen('read the record').length - before,
  );
}

/** Two recorders read the record before either has changed it; where a message is to be sent back, the one waits with it until the other has looked again. */
function twiceAtOnce(trial: StagedTrial): Lift {
  const { lab } = trial;
  const times = (count: number) => lab.until(async () => trial.seen('read the record').length >= count);
  const read = async () => {
    await tellAgain(trial);
    await times(2);
  };
  const twice = trial.befall('read the record', 'before', () => ({ heldUntil: read() }));
  const sent = trial.befall('send the message back', 'before', () => ({ heldUntil: times(3) }));
  return liftOf(
    () => {
      twice();
      sent();
    },
    () => (twice.struck() > 0 ? trial.seen('read the record').length - 1 : 0),
  );
}

/** The record is dead and begins a new life; then the end of the old one is told once more, while the stage runs. */
async function toldAfterRedrive(trial: StagedTrial): Promise<Lift> {
  const tell = await teller(trial);
  const before = trial.seen('read the record').length;
  const late = async () => {
    tell();
    await trial.lab.until(async () => trial.seen('read the record').length > before);
  };
  const lift = trial.befall('count the run', 'before', () => ({ heldUntil: late() }));
  await redrive(trial);
  return lift;
}

/** Nobody is told how its execution ended before its starter has recorded the start. */
function untoldUntilStarted(trial: StagedTrial): Lift {
  const lift = trial.lab.cloud.faults.throttle(trial.ends);
  const started = trial.befall('record the start', 'after', () => {
    lift();
    return undefined;
  });
  return liftOf(() => {
    started();
    lift();
  }, started.struck);
}

/** Its recorder is throttled: the execution has ended, and nobody has looked at the record. */
function toldLate(trial: StagedTrial): Lift {
  return onceLifted(trial.lab.cloud.faults.throttle(trial.ends), () =>
    Number(trial.running().length === 0 && trial.seen('read the record').length === 0),
  );
}

/** EventBridge loses the event. */
function untold({ lab }: StagedTrial): Lift {
  return strikes<EventEnvelope, true>(
    (rule) => lab.cloud.faults.lose((event) => rule(event) === true),
    ({ source }) => (source === 'aws.states' ? true : undefined),
  );
}

/** By somebody who cancelled nothing; the stage that runs learns of it at its time. */
async function stopped(trial: StagedTrial): Promise<void> {
  const executionArn = await trial.executionArn();
  await trial.lab.until(async () => (await trial.runs()).get('count') === 1);
  await trial.sfn.send(new StopExecutionCommand({ executionArn }));
  await new Promise((done) => setTimeout(done, 3000));
}

/** As the runbook says. */
async function invokeLostEnds({ lab, ends }: StagedTrial): Promise<undefined> {
  const { sqs, lambda } = lab.cloud;
  const queueArn = sqs.arnOf(deadLetterQueueName(STAGE, EXECUTION_ENDS));
  const lost = await sqs.receive(queueArn, { maxMessages: 10 });
  expect(lost, 'ends that nobody could record').toHaveLength(1);
  for (const { body, receiptHandle } of lost) {
    lambda.invokeLater(
      ends,
      JSON.stringify((JSON.parse(body) as { requestPayload: unknown }).requestPayload),
    );
    sqs.deleteMessages(queueArn, [receiptHandle]);
  }
  return undefined;
}

/** No event comes, and a rule with a schedule looks for what has ended. */
async function sweep({ lab }: StagedTrial): Promise<undefined> {
  lab.runSchedules(true);
  await lab.advance(1500);
  lab.runSchedules(false);
  return undefined;
}

/** What happens to the event that tells of its execution's end. */
export const ENDS: readonly StagedRow[] = [
  { what: 'its end is told twice', begin: under(() => nothing), later: tellAgain },
  { what: 'its end is told twice at the same time', begin: under(twiceAtOnce) },
  { what: 'its failure is told twice', begin: dead(), later: tellAgain },
  { what: 'its failure is told twice at the same time', begin: under(twiceAtOnce, ['permanent']) },
  { what: 'its end is told to nobody, and the sweep finds it', begin: under(untold), later: sweep },
  {
    what: 'its failure is told to nobody, and the sweep finds it',
    begin: under(untold, ['permanent']),
    later: sweep,
  },
  {
    what: 'its end is told an hour late',
    begin: under(toldLate),
    lastsSeconds: HOUR,
  },
  {
    what: 'its failure is told an hour late',
    begin: under(toldLate, ['permanent']),
    lastsSeconds: HOUR,
  },
  { what: 'it is redriven, and its old failure is told once more', begin: dead(), later: toldAfterRedrive },
  {
    what: 'its end is lost on the first two tries to record it',
    begin: under((trial) => trial.befall('read the record', 'before', 'kill', [1, 2])),
  },
  {
    what: 'its failure is lost on the first two tries to record it',
    begin: under((trial) => trial.befall('read the record', 'before', 'kill', [1, 2]), ['permanent']),
  },
  {
    what: 'it fails for good, and its recorder dies before its return of the message, twice',
    begin: under((trial) => trial.befall('send the message back', 'before', 'kill', [1, 2]), ['permanent']),
  },
  {
    what: 'its end is lost on every try, and its event is invoked again from the queue of lost ends',
    begin: under((trial) => trial.befall('read the record', 'before', 'kill', [1, 2, 3])),
    later: invokeLostEnds,
  },
  {
    what: 'its failure is lost on every try, and its event is invoked again from the queue of lost ends',
    begin: under((trial) => trial.befall('read the record', 'before', 'kill', [1, 2, 3]), ['permanent']),
    later: invokeLostEnds,
  },
  {
    what: 'it fails for good, its recorder dies before its return of the message on every try, and the event is invoked again an hour later',
    begin: under(
      (trial) => trial.befall('send the message back', 'before', 'kill', [1, 2, 3]),
      ['permanent'],
    ),
    later: async (trial) => {
      await trial.lab.advance(HOUR);
      return invokeLostEnds(trial);
    },
  },
  {
    what: 'its starter dies after StartExecution, a stage fails for good, and that is told when the start is recorded',
    begin: under(
      (trial) => all(trial.befall('start', 'after', 'kill'), untoldUntilStarted(trial)),
      ['permanent'],
    ),
  },
  {
    what: 'it is redriven, its starter dies after RedriveExecution, it fails again, and that is told when the start is recorded',
    begin: dead(2),
    later: redrivenUnder((trial) => all(trial.befall('redrive', 'after', 'kill'), untoldUntilStarted(trial))),
  },
  {
    what: 'it is redriven, its starter dies after RedriveExecution, and its end is told when the start is recorded',
    begin: dead(),
    later: redrivenUnder((trial) => all(trial.befall('redrive', 'after', 'kill'), untoldUntilStarted(trial))),
  },
  {
    what: 'its execution is stopped by hand while a stage runs',
    begin: under((trial) => trial.befall('count the run', 'before', () => ({ heldUntil: stopped(trial) }))),
    holds: (trial) => expect(trial.seen('have the effect')).toHaveLength(0),
  },
  {
    what: 'DynamoDB fails in each run of a stage, and it is redriven after that',
    begin: under((trial) => trial.befall('claim the stage', 'before', UNAVAILABLE, 'each')),
    later: redrivenUnder(() => nothing),
  },
];
