import { CreateScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ENVIRONMENT } from '../../shared/jobs/environment.ts';
import { functionName } from '../../shared/jobs/names.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { STAGE } from '../lab/global-setup.ts';
import { Lab } from '../lab/lab.ts';

const DAY_SECONDS = 86_400;
const TYPE = JOBS.placeOrder.type;

let lab: Lab;
let client: SchedulerClient;

beforeAll(async () => {
  lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE });
  client = new SchedulerClient({
    endpoint: lab.cloud.endpoint,
    region: lab.cloud.region,
    credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
  });
});

afterAll(async () => {
  client.destroy();
  await lab.stop();
});

/** What the deployed consumer of orders is told. */
function told(name: string): string {
  return lab.cloud.lambda.function(functionName(STAGE, TYPE)).environment[name] ?? '';
}

function roleOf(type: string): string {
  const name = functionName(STAGE, type);
  const [deployed] = lab.cloud.deployment
    .ofType('AWS::Lambda::Function')
    .filter(({ physicalId }) => physicalId === name);
  return String(deployed?.properties.Role);
}

function scheduleArn(name: string): string {
  const { region, accountId } = lab.cloud;
  return `arn:aws:scheduler:${region}:${accountId}:schedule/${told(ENVIRONMENT.scheduleGroup)}/${name}`;
}

describe('a deferral beyond what SQS delays', () => {
  it('comes back to its queue, by the group, the role and the queue that the consumer is told', async () => {
    const dueMs = Math.ceil(lab.cloud.clock.now() / 1000) * 1000 + DAY_SECONDS * 1000;
    await client.send(
      new CreateScheduleCommand({
        Name: `${TYPE}-1`,
        GroupName: told(ENVIRONMENT.scheduleGroup),
        ScheduleExpression: `at(${new Date(dueMs).toISOString().slice(0, 19)})`,
        FlexibleTimeWindow: { Mode: 'OFF' },
        ActionAfterCompletion: 'DELETE',
        Target: {
          Arn: told(ENVIRONMENT.queueArn),
          RoleArn: told(ENVIRONMENT.scheduleRoleArn),
          Input: lab.message(JOBS.placeOrder, { not: 'an order' }),
        },
      }),
    );
    await lab.settle();
    expect(lab.cloud.nextEventMs()).toBe(dueMs);
    expect(await lab.deadLetters(JOBS.placeOrder)).toEqual([]);
    await lab.drain();
    expect(await lab.deadLetters(JOBS.placeOrder)).toHaveLength(1);
    expect(lab.cloud.clock.now()).toBeGreaterThanOrEqual(dueMs);
  });

  it('is scheduled under the name of its own type, and of no other', () => {
    const may = (name: string) =>
      lab.cloud.iam.allows(roleOf(TYPE), 'scheduler:CreateSchedule', scheduleArn(name));
    expect(may(`${TYPE}-1`)).toBe(true);
    expect(may('send-email-1')).toBe(false);
  });

  it('hands its role to EventBridge Scheduler, and to no other service', () => {
    const passes = (service: string) =>
      lab.cloud.iam.allows(roleOf(TYPE), 'iam:PassRole', told(ENVIRONMENT.scheduleRoleArn), {
        'iam:PassedToService': service,
      });
    expect(passes('scheduler.amazonaws.com')).toBe(true);
    expect(passes('lambda.amazonaws.com')).toBe(false);
  });
});
