/** Environment variables that infra sets on every consumer and the consumer reads. */
export const ENVIRONMENT = {
  stage: 'HONEST_JOBS_STAGE',
  /** The table of job records. */
  jobsTable: 'HONEST_JOBS_TABLE',
  /** The queue that this consumer reads. */
  queueUrl: 'HONEST_JOBS_QUEUE_URL',
  queueArn: 'HONEST_JOBS_QUEUE_ARN',
  /** The EventBridge Scheduler group in which long deferrals wait. */
  scheduleGroup: 'HONEST_JOBS_SCHEDULE_GROUP',
  /** The role that EventBridge Scheduler sends their messages by. */
  scheduleRoleArn: 'HONEST_JOBS_SCHEDULE_ROLE_ARN',
  /** Keeps what is too large for a record. */
  bucket: 'HONEST_JOBS_BUCKET',
  /** Of a staged job's starter: the job's type. */
  type: 'HONEST_JOBS_TYPE',
  /** Of a staged job's starter: the state machine that it starts. */
  stateMachineArn: 'HONEST_JOBS_STATE_MACHINE_ARN',
} as const;

/** `true`: this machine's own addresses may be reached, too. For tests and local use; no stack sets it. */
export const ALLOW_LOOPBACK_VARIABLE = 'HONEST_JOBS_ALLOW_LOOPBACK';

/** The variable that names the queue a function publishes jobs of `type` to: `QUEUE_URL_SEND_EMAIL`. */
export function publishQueueVariable(type: string): string {
  return `QUEUE_URL_${type.toUpperCase().replaceAll('-', '_')}`;
}

/** The variable that names one of our own tables: `TABLE_PAYMENTS`, `TABLE_EMAIL_EVENTS`. */
export function tableVariable(subject: string): string {
  return `TABLE_${subject.toUpperCase().replaceAll('-', '_')}`;
}

/** @throws Error naming the variable, which the construct that deployed this function must set */
export function required(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(
      `The environment variable ${name} is not set; the stack that deploys this function sets it.`,
    );
  return value;
}
