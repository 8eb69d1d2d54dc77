import * as z from 'zod';
import { DefinitionError } from '../shared/jobs/honest-jobs-error.ts';
import { JOB_TYPES } from '../shared/jobs/registry.ts';
import { dev } from './settings/dev.ts';
import { prod } from './settings/prod.ts';

/** What CloudWatch Logs takes. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
export const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

/** The part of the name that is the stage's own: the longest job type then still makes an SQS name of 80 characters. */
const STAGE_PATTERN = /^[a-z0-9][a-z0-9-]{0,19}$/;
const STAGE_RANGE = { error: 'give 1 to 20 lower case letters, digits and "-", not starting with "-"' };

/** Every check of a schema has the same message, so that a refusal always says the whole range. */
const whole = (least: number, most: number) => {
  const error = { error: `give a whole number from ${least} to ${most}` };
  return z.int(error).min(least, error).max(most, error);
};
const fraction = () => {
  const error = { error: 'give a number above 0 and at most 1' };
  return z.number(error).gt(0, error).max(1, error);
};
const flag = () => z.boolean({ error: 'give true or false' });
const oneOf = <const Values extends readonly string[]>(values: Values) =>
  z.enum(values, { error: `give one of ${values.join(', ')}` });
const email = () => z.email({ error: 'give an e-mail address such as jobs@example.com' });

/** A threshold for each severity; one left out makes no alarm. */
const severities = <Threshold extends z.ZodType<number, number>>(threshold: Threshold) =>
  z
    .strictObject(
      { warning: threshold.optional(), critical: threshold.optional() },
      { error: 'give { warning, critical }' },
    )
    .refine(({ warning = 0, critical = Number.POSITIVE_INFINITY }) => warning < critical, {
      error: 'give a warning below critical',
    });

const thresholds = z.strictObject(
  {
    /** Messages waiting on a queue, 1 to 1,000,000,000. */
    depth: severities(whole(1, 1_000_000_000)),
    /** How long a job may wait beyond what its own retry schedule asks for, 60 to 1,209,600 s (14 d). */
    ageSeconds: severities(whole(60, 1_209_600)),
    /** Failed attempts among all attempts, above 0 and at most 1. */
    failureRate: severities(fraction()),
    /** Attempts in five minutes, 1 to 1,000,000, below which a failure rate says nothing. */
    minimumVolume: whole(1, 1_000_000),
  },
  { error: 'give depth, ageSeconds, failureRate and minimumVolume' },
);

const jobOverride = z.strictObject(
  {
    /** The most batches that run at a time, 2 to 1,000. @default the contract's */
    maxConcurrency: whole(2, 1000).optional(),
    /** The consumer's: 128 to 10,240 MB. Of a staged job its starter's; its stages have what the contract gives each. @default the contract's */
    memoryMegabytes: whole(128, 10_240).optional(),
    /** In place of the stage's, severity by severity. @default the stage's */
    thresholds: z
      .strictObject(thresholds.partial().shape, {
        error: 'give depth, ageSeconds, failureRate or minimumVolume',
      })
      .optional(),
  },
  { error: 'give maxConcurrency, memoryMegabytes or thresholds' },
);

const settings = z.strictObject(
  {
    /** Part of every physical name, so that stages live side by side in one account. */
    stage: z.string(STAGE_RANGE).regex(STAGE_PATTERN, STAGE_RANGE),
    logRetentionDays: z.literal(LOG_RETENTION_DAYS, {
      error: `give one of ${LOG_RETENTION_DAYS.join(', ')}`,
    }),
    logLevel: oneOf(['DEBUG', 'INFO', 'WARN', 'ERROR']),
    /** Restore the tables to any second of the last 35 days. Costs $0.20 a GB and month. */
    pointInTimeRecovery: flag(),
    /** Refuses to delete the tables and both stacks, whoever asks, until it is turned off. */
    deletionProtection: flag(),
    /** What becomes of tables, bucket, queues, secrets, schedules and sender that leave their stack. What a deploy made that is rolled back goes in either case. */
    removalPolicy: oneOf(['retain', 'destroy']),
    /** Who hears of alarms. @default nobody: subscribe to the topic by hand */
    alarmEmail: email().optional(),
    /** The sender of every e-mail. */
    emailFrom: email(),
    /**
     * The SES identity of the sender's domain: `create` it here, or use the `existing` one. An account holds a domain once in each
     * region, so only one stage can create it.
     */
    emailIdentity: oneOf(['create', 'existing']),
    /**
     * The most webhooks that are received at a time, 1 to 1,000: the reserved concurrency of the ingress, which takes ten times as many requests a
     * second and answers 429 to the others. Lambda refuses to reserve what would leave the account's other functions fewer than 100, as in a new account (README.md,
     * Deploy). @default whatever the account has
     */
    webhookConcurrency: whole(1, 1000).optional(),
    /** Where the alarms' descriptions send people: the address of docs/runbook.md as your team reads it, without the anchor. */
    runbook: z.string().min(1, { error: 'give an address or a path' }),
    thresholds,
    /** By job type. */
    jobs: z.partialRecord(z.enum(JOB_TYPES), jobOverride, {
      error: `give overrides by job type: ${JOB_TYPES.join(', ')}`,
    }),
  },
  { error: 'give only what infra/config.ts lists' },
);

/** What a job type has of its own and what it has of the stage fit together, too. */
const fitting = settings.superRefine((stage, context) => {
  for (const type of Object.keys(stage.jobs))
    for (const [name, { warning = 0, critical = Number.POSITIVE_INFINITY }] of Object.entries(
      severitiesOf(type, stage),
    ))
      if (warning >= critical)
        context.addIssue({
          code: 'custom',
          path: ['jobs', type, 'thresholds', name],
          message: `with the stage's that is ${warning} before ${critical}: give a warning below critical`,
        });
});

export type Settings = Readonly<z.output<typeof settings>>;
export type SettingsInput = z.input<typeof settings>;
export type Thresholds = z.output<typeof thresholds>;
export type Severity = keyof Thresholds['depth'];

/** A job type's own thresholds, and the stage's where it has none. */
export function thresholdsOf(type: string, stage: Pick<Settings, 'thresholds' | 'jobs'>): Thresholds {
  const { minimumVolume } = stage.jobs[type]?.thresholds ?? {};
  return { ...severitiesOf(type, stage), minimumVolume: minimumVolume ?? stage.thresholds.minimumVolume };
}

function severitiesOf(
  type: string,
  { thresholds, jobs }: Pick<Settings, 'thresholds' | 'jobs'>,
): Omit<Thresholds, 'minimumVolume'> {
  const own = jobs[type]?.thresholds;
  return {
    depth: { ...thresholds.depth, ...own?.depth },
    ageSeconds: { ...thresholds.ageSeconds, ...own?.ageSeconds },
    failureRate: { ...thresholds.failureRate, ...own?.failureRate },
  };
}

/**
 * The settings of a stage: `dev` and `prod` have files of their own in `settings/`; any other name is a stage of dev's kind.
 *
 * @throws DefinitionError naming the key, the value received and what is allowed
 */
export function settingsOf(stage: unknown = 'dev'): Settings {
  if (stage === 'prod') return parseSettings({ ...prod, stage });
  if (stage === 'dev') return parseSettings({ ...dev, stage });
  // The dev stage has the identity of the domain that both send from.
  return parseSettings({ ...dev, stage: stage as string, emailIdentity: 'existing' });
}

/** @throws DefinitionError naming the key, the value received and what is allowed */
export function parseSettings(input: SettingsInput): Settings {
  const parsed = fitting.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue === undefined) throw new DefinitionError('The settings are refused without a reason.');
  const name = String(input.stage);
  const value = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown>)?.[key], input);
  const key = issue.path.join('.') || 'settings';
  throw new DefinitionError(
    issue.code === 'unrecognized_keys'
      ? `Settings of stage "${name}": ${[...issue.path, issue.keys[0]].join('.')} is no setting; ${issue.message}.`
      : `Settings of stage "${name}": ${key} is ${JSON.stringify(value) ?? 'missing'}; ${issue.message}.`,
  );
}
