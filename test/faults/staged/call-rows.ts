import { AwsError } from '../../../local/kernel/errors.ts';
import type { Lift } from '../lift.ts';
import { SDK_TRIES } from '../trial.ts';
import { CALLS, type Call } from './calls.ts';
import { dead, redrivenUnder, type StagedRow, under } from './row.ts';
import type { StagedTrial } from './staged-trial.ts';

/** What each call is for a reader, in the order in which they are made. */
const NOUNS: Readonly<Partial<Record<Call, string>>> = {
  claim: 'claim',
  start: 'StartExecution',
  'record the start': 'record of the start',
  'claim the stage': 'claim',
  'begin the step': 'mark that its step begins',
  'have the effect': 'effect',
  'finish the step': 'record of its step',
  'finish the stage': 'record of its result',
  'read the record': 'look at the record',
  'read the steps': 'look at the steps',
  'record the end': 'record of the end',
  'send the message back': 'return of the message',
  'note the message': 'note of the return',
  describe: 'DescribeExecution',
  redrive: 'RedriveExecution',
};

const WHO = { starter: 'its starter', stage: 'a stage', ends: 'its recorder' };

/** Only a job that failed makes them. */
const OF_FAILURES: ReadonlySet<Call> = new Set([
  'read the steps',
  'send the message back',
  'note the message',
]);
/** Only a redriven job makes them. */
const OF_REDRIVES: ReadonlySet<Call> = new Set(['describe', 'redrive']);

/** A fault that befalls a call, in the story of a job that makes it. */
function row(what: string, call: Call, befall: (trial: StagedTrial) => Lift): StagedRow {
  if (OF_REDRIVES.has(call))
    return { what: `it is redriven, and ${what}`, begin: dead(), later: redrivenUnder(befall) };
  if (OF_FAILURES.has(call))
    return { what: `it fails for good, and ${what}`, begin: under(befall, ['permanent']) };
  return { what, begin: under(befall) };
}

const THROTTLED = new AwsError('ThrottlingException', 'Throughput exceeds the current throughput limit.');
const UNAVAILABLE = new AwsError('ServiceUnavailable', 'The service is unavailable.', 503);
const LOST = new AwsError('InternalServerError', 'The answer was lost.', 500);

function rowsOf(call: Call, noun: string): StagedRow[] {
  const { by, service, operation } = CALLS[call];
  const own = service === 'states' ? noun : `its ${noun}`;
  const whose = service === 'states' ? noun : `${WHO[by]}’s ${noun}`;
  const killed = (['before', 'after'] as const).map((moment) =>
    row(`${WHO[by]} dies ${moment} ${own}`, call, (trial) => trial.befall(call, moment, 'kill')),
  );
  const refuses = (who: string, error: AwsError) =>
    row(`${who} ${whose}`, call, (trial) => trial.befall(call, 'before', error, SDK_TRIES));
  const loses = (who: string) =>
    row(`${who} ${whose}, and the answers are lost`, call, (trial) =>
      trial.befall(call, 'after', LOST, SDK_TRIES),
    );
  switch (service) {
    case 'states':
      return [...killed, refuses('Step Functions refuses', UNAVAILABLE), loses('Step Functions does')];
    case 'sqs':
      return [...killed, refuses('SQS refuses', UNAVAILABLE), loses('SQS takes')];
    default: {
      // A read that is not answered is one that was refused. The effect itself would be there once for each of the SDK's tries.
      const writes = /^(UpdateItem|TransactWriteItems)$/.test(operation) && call !== 'have the effect';
      return [
        ...killed,
        refuses('DynamoDB throttles', THROTTLED),
        ...(writes ? [loses('DynamoDB writes')] : []),
      ];
    }
  }
}

/** Each call by which a staged job goes on: its caller dies before it or after it, it is refused, or done and its answers lost. */
export const CALL_ROWS: readonly StagedRow[] = Object.entries(NOUNS).flatMap(([call, noun]) =>
  rowsOf(call as Call, noun),
);
