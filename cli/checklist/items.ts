import type { AnyJob } from '../../shared/jobs/define-job.ts';
import { horizonSeconds } from '../../shared/jobs/schedule.ts';
import type { Found, JobTemplate } from './job-template.ts';
import { isThere, type TestEvidence } from './test-evidence.ts';
import { OWN_TESTS, SHARED_TESTS, STAGED_TESTS } from './tests.ts';

export const ITEM_NAMES = [
  'idempotent',
  'safe to run many times',
  'exponential backoff',
  'jitter',
  'dead-letter queue',
  'metrics',
  'failure scenarios tested',
  'scales horizontally',
  'backpressure handled',
  'small composable jobs',
] as const;
export type ItemName = (typeof ITEM_NAMES)[number];

/** What a job type has of an item, and what it has not. */
export interface Judged {
  readonly item: ItemName;
  /** Lines of the template: logical id, property, value. */
  readonly template: readonly string[];
  /** What the contract says, which no template shows. */
  readonly contract: readonly string[];
  readonly tests: readonly TestEvidence[];
  /** What is not there; empty where the item is fulfilled. */
  readonly missing: readonly string[];
}

interface Subject {
  readonly job: AnyJob;
  readonly template: JobTemplate;
}

type Evidence = Partial<Pick<Judged, 'template' | 'contract' | 'missing'>>;

/** Items of which each job type needs a test of its own. */
const OF_ITS_OWN: readonly ItemName[] = ['idempotent', 'safe to run many times', 'failure scenarios tested'];

/** What this app does not have yet for any job type. Whoever builds one of them takes it out here, and adds its evidence. */
const NOT_BUILT = [
  'a circuit breaker for each dependency: while one is down, each job still finds that out for itself',
  'rate limits that job types share',
  'lanes by priority: an urgent job waits behind whatever lies before it',
];

/** Each item's evidence but for the tests. */
const EVIDENCE: Readonly<Record<ItemName, (subject: Subject) => Evidence>> = {
  idempotent: ({ template: { consumer, machine, queue } }) => ({
    ...lines(
      line(consumer, 'Environment.Variables.HONEST_JOBS_TABLE'),
      machine && line(consumer, 'Environment.Variables.HONEST_JOBS_STATE_MACHINE_ARN'),
    ),
    contract: queue
      ? ['a key, which defineJob requires: the record of a key is claimed before anything runs']
      : [],
  }),
  'safe to run many times': ({ template: { consumer, queue } }) => ({
    ...lines(line(queue, 'VisibilityTimeout'), line(consumer, 'Timeout')),
    contract: ['what an uncertain step means (ifUncertain), which its type requires of each step'],
  }),
  'exponential backoff': ({ job, template: { queue, machine } }) => {
    const { delaysSeconds } = job.schedule;
    const grows =
      delaysSeconds.length > 1 &&
      delaysSeconds.every((delay, n) => n === 0 || delay >= (delaysSeconds[n - 1] as number)) &&
      (delaysSeconds.at(-1) as number) >= 2 * (delaysSeconds[0] as number);
    const { template = [], missing = [] } = lines(
      line(queue, 'RedrivePolicy.maxReceiveCount'),
      machine && stateLine(machine, 'BackoffRate'),
    );
    return {
      template,
      contract: [
        `delays of ${delaysSeconds.join(', ')} s; outlives an outage of ${horizonSeconds(job.schedule)} s`,
      ],
      missing: [...missing, ...(grows ? [] : ['delays that grow: the contract’s schedule does not'])],
    };
  },
  jitter: ({ job, template: { machine } }) => ({
    ...(machine ? lines(stateLine(machine, 'JitterStrategy')) : {}),
    contract: job.schedule.delaysSeconds.length > 0 ? ['each delay times a random factor from 0.5 to 1'] : [],
    ...(job.schedule.delaysSeconds.length > 0 ? {} : { missing: ['a schedule: the contract has no delays'] }),
  }),
  'dead-letter queue': ({ template: { queue, deadLetterQueue } }) =>
    lines(
      line(queue, 'RedrivePolicy.deadLetterTargetArn'),
      line(deadLetterQueue, 'MessageRetentionPeriod'),
      line(deadLetterQueue, 'RedriveAllowPolicy.redrivePermission'),
    ),
  metrics: ({ template: { consumer, alarms, dashboard, type } }) => {
    const { template = [], missing = [] } = lines(
      line(consumer, 'Environment.Variables.POWERTOOLS_METRICS_NAMESPACE'),
    );
    return {
      template: [
        ...template,
        ...alarms.slice(0, 3).flatMap((alarm) => alarm.line('AlarmName') ?? []),
        ...(alarms.length > 3 ? [`and ${alarms.length - 3} alarms more`] : []),
        ...(dashboard ? [`${dashboard.id} DashboardBody has the row "${type}"`] : []),
      ],
      missing: [
        ...missing,
        ...(alarms.length > 0 ? [] : ['an alarm']),
        ...(dashboard ? [] : ['a row of the dashboard']),
      ],
    };
  },
  'failure scenarios tested': () => ({}),
  'scales horizontally': ({ template: { mapping, consumer } }) => {
    const { template = [], missing = [] } = lines(
      line(mapping, 'ScalingConfig.MaximumConcurrency'),
      line(mapping, 'FunctionResponseTypes'),
    );
    return {
      template,
      missing: [
        ...missing,
        ...(consumer?.value('ReservedConcurrentExecutions') === undefined
          ? []
          : ['freedom of reserved concurrency, whose throttles spend receives']),
      ],
    };
  },
  'backpressure handled': ({ job, template: { mapping, consumer } }) => {
    const { template = [], missing = [] } = lines(
      line(mapping, 'ScalingConfig.MaximumConcurrency'),
      line(consumer, 'Environment.Variables.HONEST_JOBS_SCHEDULE_GROUP'),
    );
    return {
      template,
      contract: [
        `RetryAfter up to ${job.mostDeferrals} times a life; renewal before the receives run out; expirytime in the message`,
      ],
      missing: [...missing, ...NOT_BUILT],
    };
  },
  'small composable jobs': ({ job, template: { consumer, machine } }) => {
    const stages = (job as { readonly stages?: readonly unknown[] }).stages;
    const published = Object.keys(
      (consumer?.value('Environment.Variables') as object | undefined) ?? {},
    ).filter((name) => name.startsWith('QUEUE_URL_'));
    return {
      ...lines(
        line(consumer, 'Timeout'),
        ...published.map((name) => line(consumer, `Environment.Variables.${name}`)),
        machine && line(machine, 'StateMachineName'),
      ),
      contract: [
        stages
          ? `${stages.flat().length} stages, each with its own function, schedule and resume`
          : `one attempt takes ${job.timeoutSeconds} s at most, in a function of its own`,
      ],
    };
  },
};

/** Holds a job type against all ten items. */
export function judge(job: AnyJob, template: JobTemplate): readonly Judged[] {
  return ITEM_NAMES.map((item) => {
    const { template: shown = [], contract = [], missing = [] } = EVIDENCE[item]({ job, template });
    const own = OWN_TESTS[job.type]?.[item] ?? [];
    const tests = [
      ...own,
      ...(SHARED_TESTS[item] ?? []),
      ...((template.machine && STAGED_TESTS[item]) || []),
    ];
    const gone = tests.filter((test) => !isThere(test));
    return {
      item,
      template: shown,
      contract,
      tests: tests.filter((test) => !gone.includes(test)),
      missing: [
        ...missing,
        ...gone.map(({ file, title }) => `the test "${title}" of ${file}`),
        ...(OF_ITS_OWN.includes(item) && own.length === 0 ? ['a test of this job type'] : []),
      ],
    };
  });
}

/** What is asked of the template: a line, or what to call it where it is not there. */
interface Asked {
  readonly line: string | undefined;
  readonly what: string;
}

function line(resource: Found | undefined, path: string): Asked {
  return { line: resource?.line(path), what: path };
}

/** A member of each Retry in a state machine's definition. */
function stateLine(machine: Found, member: string): Asked {
  const values = [
    ...JSON.stringify(machine.value('DefinitionString') ?? '').matchAll(
      new RegExp(`${member}\\W+(\\w+)`, 'g'),
    ),
  ].map(([, value]) => value);
  return {
    line:
      values.length > 0
        ? `${machine.id} DefinitionString ${member} = ${[...new Set(values)].join(', ')}`
        : undefined,
    what: `${member} in the state machine`,
  };
}

function lines(...asked: readonly (Asked | undefined)[]): Evidence {
  const wanted = asked.filter((one) => one !== undefined);
  return {
    template: wanted.flatMap((one) => one.line ?? []),
    missing: wanted.filter((one) => one.line === undefined).map(({ what }) => `${what} in the template`),
  };
}
