import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Fault, ObservedCall, ObservedStart, StartFault } from '../../../local/faults/index.ts';
import { all, type Lift, liftOf, onceLifted, strikes } from '../lift.ts';
import type { RecordCall, Trial } from '../trial.ts';
import { DAY, MINUTE, ofFunction, publish, type Row, redrive, under } from './row.ts';

/** Each environment of the job's function that starts from now on lives in a time of its own; the last one's goes on. */
async function clocks(trial: Trial, skews: readonly number[]): Promise<Lift> {
  const { faults } = trial.world.lab.cloud;
  await faults.kill(trial.functionName);
  let started = 0;
  const lift = strikes<ObservedStart, StartFault>(
    (rule) => faults.start(rule),
    (start) => {
      if (!ofFunction(trial)(start)) return undefined;
      return { skewSeconds: skews[Math.min(started++, skews.length - 1)] ?? 0 };
    },
  );
  return liftOf(
    () => {
      lift();
      void faults.kill(trial.functionName);
    },
    // Each of them.
    () => Math.max(0, lift.struck() - skews.length + 1),
  );
}

/** How far a clock may be from where it was put, for what the call took. */
const CLOCK_MARGIN_MS = 20_000;

/** The clock of the job's function is off, as such calls tell. */
function skewed(trial: Trial, by: RecordCall, seconds: number): Lift {
  const { faults, clock } = trial.world.lab.cloud;
  const lift = faults.skew(trial.functionName, seconds);
  let told = 0;
  const watch = trial.watch(by, (_, { input }) => {
    const { ExpressionAttributeValues: values } = input() as {
      ExpressionAttributeValues?: Record<string, { N?: string }>;
    };
    const offMs = Number(values?.[':now']?.N) - clock.now() - seconds * 1000;
    if (Math.abs(offMs) < CLOCK_MARGIN_MS) told++;
  });
  return liftOf(
    () => {
      watch();
      lift();
    },
    () => told,
  );
}

/** Its messages are received, and nothing runs. */
function throttled({ world, functionName, queueArn, key }: Trial): Lift {
  return onceLifted(world.lab.cloud.faults.throttle(functionName), () =>
    world.received((one) => one.queueArn === queueArn && one.message.body.includes(`"${key}"`)),
  );
}

/** Deploys the function's own code again, from another folder. */
function deployAgain({ world, functionName }: Trial): Deployment {
  const directory = mkdtempSync(join(tmpdir(), 'honest-jobs-deploy-'));
  cpSync(world.lab.cloud.lambda.function(functionName).codeDirectory, directory, { recursive: true });
  const rollBack = world.lab.cloud.faults.deploy(functionName, directory);
  return {
    directory,
    rollBack: () => {
      rollBack();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

interface Deployment {
  readonly directory: string;
  readonly rollBack: () => void;
}

/** What happens to the processes that run jobs. */
export const PROCESSES: readonly Row[] = [
  { what: 'its process dies before the claim', begin: under((one) => one.befall('claim', 'before', 'kill')) },
  { what: 'its process dies after the claim', begin: under((one) => one.befall('claim', 'after', 'kill')) },
  { what: 'its process dies before its effect', begin: under((one) => one.befallEffect('killed-before')) },
  { what: 'its process dies after its effect', begin: under((one) => one.befallEffect('killed-after')) },
  {
    what: 'its process dies before its completion is written',
    begin: under((one) => one.befall('complete', 'before', 'kill')),
  },
  {
    what: 'its process dies after its completion, before its answer',
    begin: under((one) => one.befall('complete', 'after', 'kill')),
  },
  {
    what: 'its process dies before its effect, in every attempt',
    begin: under((trial) => trial.befallEffect('killed-before', 'each')),
    later: { what: 'its process did so until it was dead-lettered, and then it is redriven', act: redrive },
  },
  {
    what: 'its function fails to start, three times',
    begin: under(async (trial) => {
      const { faults } = trial.world.lab.cloud;
      await faults.kill(trial.functionName);
      let left = 3;
      return strikes<ObservedStart, StartFault>(
        (rule) => faults.start(rule),
        (start) => (ofFunction(trial)(start) && left-- > 0 ? 'fails-to-start' : undefined),
      );
    }),
  },
  {
    what: 'its function is throttled for ten minutes',
    begin: under(throttled),
    lastsSeconds: 10 * MINUTE,
  },
  {
    what: 'its function is throttled for a day',
    begin: under(throttled),
    lastsSeconds: DAY,
  },
  {
    what: 'SQS refuses every change of visibility, and the other side refuses once',
    begin: under((trial) =>
      all(
        trial.befallEffect('refused', 'first-attempt'),
        strikes<ObservedCall, Fault>(
          (rule) => trial.world.lab.cloud.faults.add(rule),
          (call) =>
            ofFunction(trial)(call) &&
            call.operation === 'ChangeMessageVisibilityBatch' &&
            call.moment === 'before'
              ? { refuse: 'all' }
              : undefined,
        ),
      ),
    ),
  },
  ...([60, -60] as const).map((seconds) => ({
    what: `its clock is a minute ${seconds > 0 ? 'ahead' : 'behind'}, and the other side refuses for six minutes`,
    begin: under((trial: Trial) =>
      all(skewed(trial, 'claim', seconds), trial.befallEffect('refused', 'each')),
    ),
    lastsSeconds: 6 * MINUTE,
  })),
  {
    what: 'its clock runs two minutes backwards between its claim and its completion',
    begin: under((trial) => {
      const ahead = skewed(trial, 'claim', 60);
      let behind: Lift | undefined;
      const goOn: Lift = trial.holdEffect(() => {
        behind = skewed(trial, 'complete', -60);
        goOn();
      });
      return liftOf(
        () => {
          goOn();
          ahead();
          behind?.();
        },
        () => Math.min(ahead.struck(), behind?.struck() ?? 0),
      );
    }),
  },
  {
    what: 'a process whose clock is two minutes ahead takes it for dead while it runs',
    begin: takenForDead,
  },
  {
    what: 'new code is deployed in its first attempt and rolled back in its second; its process dies in both',
    begin: under((trial) => {
      const { lambda } = trial.world.lab.cloud;
      let deployment: Deployment | undefined;
      let ranNewCode = false;
      // The second claim finds the crash, the third one begins the next attempt.
      const lift = trial.befall('claim', 'after', 'kill', [1, 3]);
      const watch = trial.watch('claim', (nth, { accessKeyId }) => {
        if (nth === 1) deployment = deployAgain(trial);
        if (nth !== 3) return;
        ranNewCode = lambda.environment(accessKeyId)?.configuration.codeDirectory === deployment?.directory;
        deployment?.rollBack();
      });
      return all(
        lift,
        liftOf(watch, () => Number(ranNewCode)),
      );
    }),
  },
];

/**
 * The job's effect is held back while its message comes again, to another process. That one finds a claim which is over by its clock,
 * and records a crash; then the first run goes on, with a claim that it has lost.
 */
async function takenForDead(trial: Trial): Promise<Lift> {
  const { faults, sqs } = trial.world.lab.cloud;
  const clock = await clocks(trial, [-60, 60]);
  let first = '';
  let messageId = '';
  const deliveries = faults.deliver(({ queueArn, message }) => {
    if (queueArn === trial.queueArn) messageId = message.messageId;
    return undefined;
  });
  const goOn = trial.holdEffect(() => sqs.duplicate(trial.queueArn, messageId));
  let changes = 0;
  const calls = faults.add((call) => {
    if (!ofFunction(trial)(call)) return undefined;
    first ||= call.accessKeyId;
    if (
      call.accessKeyId !== first &&
      call.operation === 'ChangeMessageVisibilityBatch' &&
      call.moment === 'after'
    )
      changes++;
    // Its second one hides the message: by then it has recorded the crash.
    if (changes === 2) goOn();
    return undefined;
  });
  await publish(trial);
  return all(
    clock,
    goOn,
    liftOf(
      () => {
        deliveries();
        calls();
      },
      () => Math.max(0, changes - 1),
    ),
  );
}
