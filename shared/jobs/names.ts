import { createHash } from 'node:crypto';

/**
 * Physical names. They are fixed and spelled out so that publishers and operators find a queue by stage and job type alone,
 * and so that several stages live side by side in one account.
 */

export function queueName(stage: string, type: string): string {
  return `honest-jobs-${stage}-${type}`;
}

export function deadLetterQueueName(stage: string, type: string): string {
  return `${queueName(stage, type)}-dead`;
}

/** What records the events of SES: a function, its log group, and the queue for events that it could not record. */
export const EMAIL_EVENTS = 'email-events';

/** What receives the webhooks of others: a function with a URL. */
export const WEBHOOK_INGRESS = 'webhook-ingress';

/** The consumer function of a job type. */
export function functionName(stage: string, type: string): string {
  return `honest-jobs-${stage}-${type}`;
}

export type TableSubject =
  | 'jobs'
  | 'accounts'
  | 'payments'
  | 'charges'
  | 'orders'
  | 'stock'
  | 'suppressions'
  | 'email-events'
  | 'reports'
  | 'webhook-states'
  | 'webhook-endpoints'
  | 'webhook-deliveries';

export function tableName(stage: string, subject: TableSubject): string {
  return `honest-jobs-${stage}-${subject}`;
}

/** The secret that says where the card provider is, and with which key: `{ "url", "apiKey" }`. */
export function cardProviderSecretName(stage: string): string {
  return `honest-jobs/${stage}/card-provider`;
}

/** The secrets by which a provider signs its webhooks: `{ "secrets": ["whsec_…", …] }`. */
export function webhookSecretName(stage: string, provider: string): string {
  return `honest-jobs/${stage}/webhooks/${provider}`;
}

/** The EventBridge Scheduler group in which a stage's long deferrals wait. */
export function scheduleGroupName(stage: string): string {
  return `honest-jobs-${stage}`;
}

/** What the name of every schedule of a job type begins with; its consumer may create no others. */
export function scheduleNamePrefix(type: string): string {
  return `${type}-`;
}

/** Where step results lie in the bucket that are too large for a record. */
export const STEP_RESULTS_PREFIX = 'step-results/';

/** Where those of a job type lie; its consumer reaches no others. */
export function stepResultsPrefix(type: string): string {
  return `${STEP_RESULTS_PREFIX}${type}/`;
}

/** Where what is too large for an execution's data lies in the bucket, job type by job type. */
export const STAGE_DATA_PREFIX = 'stage-data/';

export function stageDataPrefix(type: string): string {
  return `${STAGE_DATA_PREFIX}${type}/`;
}

/** The function that records what became of staged jobs, and its queue. */
export const EXECUTION_ENDS = 'execution-ends';

/** The state machine of a staged job. */
export function stateMachineName(stage: string, type: string): string {
  return `honest-jobs-${stage}-${type}`;
}

/** The function of one stage of a staged job. Lambda takes 64 characters: a longer name ends in a digest of it. */
export function stageFunctionName(stage: string, type: string, name: string): string {
  const whole = `hj-${stage}-${type}-${name}`;
  if (whole.length <= 64) return whole;
  return `${whole.slice(0, 55)}-${createHash('sha256').update(whole).digest('hex').slice(0, 8)}`;
}

/** Where publishers put pictures for reports; their only place in the bucket. */
export const REPORT_ASSETS_PREFIX = 'report-assets/';

/** Where a report's stages keep what they made, by its content, until it is uploaded. */
export const REPORT_DATA_PREFIX = 'report-data/';

/** Where finished reports lie, each under its id. */
export const REPORTS_PREFIX = 'reports/';

/** The index that finds a job's record by the id its publisher chose. */
export const JOB_ID_INDEX = 'by-job-id';
