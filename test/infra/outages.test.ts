import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { AwsError } from '../../local/kernel/errors.ts';
import type { AnyJob } from '../../shared/jobs/define-job.ts';
import { ENVIRONMENT } from '../../shared/jobs/environment.ts';
import { functionName } from '../../shared/jobs/names.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import { Lab } from '../lab/lab.ts';
import { probe } from '../lab/probe/contract.ts';

const DENIED = new AwsError('AccessDeniedException', 'Not allowed.', 400);
const DAY = 24 * 3600;
const { processPayment, chargeCard, placeOrder } = JOBS;

let lab: Lab;
const folders: string[] = [];
beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
});
afterAll(async () => {
  await lab?.stop();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const stateOf = (alarm: string, { cloud } = lab) =>
  cloud.cloudwatch.alarms.get(`honest-jobs-${STAGE}-${alarm}`).state;

/** Lets time pass until an alarm is in a state. @returns after how many minutes @throws Error where two hours do not suffice */
async function minutesUntil(alarm: string, state: 'OK' | 'ALARM', on = lab): Promise<number> {
  for (let minute = 1; minute <= 120; minute++) {
    await on.advance(60);
    if (stateOf(alarm, on) === state) return minute;
  }
  throw new Error(`${alarm} was not ${state} for two hours`);
}

/** Who is told of an alarm from now on. */
function notices(alarm: string): () => readonly string[] {
  const from = lab.cloud.sns.published().length;
  return () =>
    lab.cloud.sns
      .published()
      .slice(from)
      .map(({ subject = '' }) => subject)
      .filter((subject) => subject.includes(`${alarm}"`));
}

/** Every file that could be the handler's, none of which can be loaded. */
function brokenBundle(): string {
  const folder = mkdtempSync(join(tmpdir(), 'broken-'));
  folders.push(folder);
  for (const file of ['index.mjs', 'index.js'])
    writeFileSync(join(folder, file), 'throw new Error("broken");');
  return folder;
}

const letter = (job: AnyJob) => lab.send(job, 'no JSON at all');

describe('one job alone is enough, and an alarm is on within 25 minutes,', () => {
  it.each([
    [
      'whose code cannot be loaded',
      () => lab.cloud.faults.deploy(functionName(STAGE, chargeCard.type), brokenBundle()),
    ],
    ['that is always throttled', () => lab.cloud.faults.throttle(functionName(STAGE, chargeCard.type))],
  ])('of a function %s, long before its jobs die', async (_, begin) => {
    const alarm = `${chargeCard.type}-failed-invocations-critical`;
    const before = await lab.deadLetters(chargeCard);
    const end = begin();
    await letter(chargeCard);
    expect(await minutesUntil(alarm, 'ALARM')).toBeLessThanOrEqual(25);
    expect(await lab.deadLetters(chargeCard)).toHaveLength(before.length);
    end();
    await minutesUntil(alarm, 'OK');
    await lab.drain();
  });

  it('of records that do not answer, and the job runs afterwards', async () => {
    const alarm = `${processPayment.type}-unreachable-records-critical`;
    const lift = lab.cloud.faults.add((call) =>
      call.functionName === functionName(STAGE, processPayment.type) && call.service === 'dynamodb'
        ? DENIED
        : undefined,
    );
    await lab.publish(processPayment, {
      transactionId: 'unreachable',
      accountId: 'nobody',
      amountMinor: 1,
      currency: 'EUR',
    });
    expect(await minutesUntil(alarm, 'ALARM')).toBeLessThanOrEqual(25);
    expect(await lab.record(processPayment, 'unreachable')).toBeUndefined();
    lift();
    await lab.drain();
    expect(await lab.record(processPayment, 'unreachable')).toMatchObject({ state: 'dead' });
    await minutesUntil(alarm, 'OK');
  });
});

describe('dead letters', () => {
  it('that follow a first one which nobody took away are told of, too', async () => {
    const [lying, fresh] = ['dead-letters-warning', 'new-dead-letters-warning'].map(
      (name) => `${placeOrder.type}-${name}`,
    ) as [string, string];
    await letter(placeOrder);
    await lab.drain();
    await minutesUntil(lying, 'ALARM');
    await lab.advance(DAY);
    const [ofLying, ofFresh] = [notices(lying), notices(fresh)];
    await letter(placeOrder);
    await lab.drain();
    await minutesUntil(fresh, 'ALARM');
    expect(ofFresh()).toEqual([expect.stringMatching(/^ALARM/)]);
    expect(ofLying()).toEqual([]);
    await minutesUntil(fresh, 'OK');
    expect(stateOf(lying)).toBe('ALARM');
  });
});

it('a deferred job whose queue is gone is told of within 25 minutes, a day before it is given up on', async () => {
  const { endpoint, region } = lab.cloud;
  const credentials = { accessKeyId: 'lab', secretAccessKey: 'lab' };
  const scheduler = new SchedulerClient({ endpoint, region, credentials });
  const told = lab.cloud.lambda.function(functionName(STAGE, placeOrder.type)).environment;
  const dueMs = lab.cloud.clock.now() + 60_000;
  await scheduler.send(
    new CreateScheduleCommand({
      Name: `${placeOrder.type}-late`,
      GroupName: told[ENVIRONMENT.scheduleGroup],
      ScheduleExpression: `at(${new Date(dueMs).toISOString().slice(0, 19)})`,
      FlexibleTimeWindow: { Mode: 'OFF' },
      ActionAfterCompletion: 'DELETE',
      Target: {
        Arn: told[ENVIRONMENT.queueArn]?.replace(placeOrder.type, 'gone'),
        RoleArn: told[ENVIRONMENT.scheduleRoleArn],
        Input: '{}',
      },
    }),
  );
  scheduler.destroy();
  expect(await minutesUntil('late-deferrals-warning', 'ALARM')).toBeLessThanOrEqual(25);
  expect(stateOf('dropped-deferrals-critical')).not.toBe('ALARM');
});

describe('of one job type,', () => {
  const alarm = `${probe.type}-age-warning`;
  const letters = `${probe.type}-dead-letter-retention-critical`;
  let one: Lab;
  beforeAll(async () => {
    one = await Lab.start({ assembly: inject('probeAssembly'), stage: STAGE });
    // In less time: a few seconds are late, and each minute is an hour.
    for (const [name, faster] of [
      [alarm, { Threshold: 25 }],
      [letters, { Period: 60 }],
    ] as const) {
      const { alarms } = one.cloud.cloudwatch;
      alarms.put({ ...alarms.get(`honest-jobs-${STAGE}-${name}`).definition, ...faster });
    }
  });
  afterAll(() => one?.stop());

  it('no alarm tells of a job that waits for its next attempts, the first two included', async () => {
    const states = new Set<string>();
    await one.publish(probe, { key: 'waits', acts: ['throw', 'throw', 'throw', 'return'] });
    for (let minute = 0; minute < 20; minute++) {
      await one.advance(60);
      states.add(stateOf(alarm, one));
    }
    expect(await one.record(probe, 'waits')).toMatchObject({ state: 'completed', attempts: 4 });
    expect([...states]).not.toContain('ALARM');
  });

  it('an alarm tells of a job that nobody receives', async () => {
    const enable = one.cloud.faults.pause(one.queueArn(probe));
    await one.advance(30);
    await one.publish(probe, { key: 'lies', acts: ['return'] });
    expect(await minutesUntil(alarm, 'ALARM', one)).toBeLessThanOrEqual(11);
    enable();
    // It takes effect some seconds later.
    await one.advance(60);
    await one.drain();
    expect(await one.record(probe, 'lies')).toMatchObject({ state: 'completed' });
  });

  it('an alarm tells of dead letters that lie for half of their days, however often somebody looked at them', async () => {
    await one.send(probe, 'no JSON at all');
    await one.drain();
    for (let hour = 0; hour < 7 * 24; hour++) {
      expect(stateOf(letters, one)).not.toBe('ALARM');
      if (hour % 10 === 0) expect(await one.deadLetters(probe)).toHaveLength(1);
      // A quarter past: each such hour has one sample only, on its minute, and a look hides the letter for a moment.
      await one.advance(75 - (Math.floor(one.cloud.clock.now() / 1000) % 60));
    }
    await one.advance(2 * 60);
    expect(stateOf(letters, one)).toBe('ALARM');
  });
});
