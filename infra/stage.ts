import { readFileSync } from 'node:fs';
import { App, type AppProps, type Environment } from 'aws-cdk-lib';
import { Checklist } from './checks/checklist.ts';
import { warnOfPlaceholders } from './checks/placeholders.ts';
import type { Settings } from './config.ts';
import { JobsStack } from './stacks/jobs.ts';
import { StateStack } from './stacks/state.ts';

const { context: FLAGS } = JSON.parse(readFileSync(new URL('../cdk.json', import.meta.url), 'utf8')) as {
  readonly context: Readonly<Record<string, unknown>>;
};

/** An app as `cdk` and `node infra/app.ts` make it, with the same templates from both. It refuses job queues that lack what each must have. */
export function newApp(props: AppProps = {}): App {
  const app = new App({
    // Else only `cdk` would add a resource that counts constructs to each template.
    analyticsReporting: false,
    ...props,
    // Else only `cdk` would set the flags. Three are unlike what it recommends: references between stacks are strong, since what the Jobs
    // stack reads of the State stack cannot be replaced while it is read; warnings are for `cdk` to print, not for each synthesis; and
    // the statements of a policy stay as they are written.
    context: { ...FLAGS, ...props.context },
  });
  Checklist.addTo(app);
  return app;
}

/** The stacks of one stage. */
export interface StageStacks {
  readonly state: StateStack;
  readonly jobs: JobsStack;
}

/** Adds a stage's stacks to the app: for the account and region that the CDK CLI found, or for any where it found none. */
export function addStage(app: App, settings: Settings): StageStacks {
  const { CDK_DEFAULT_ACCOUNT: account, CDK_DEFAULT_REGION: region } = process.env;
  const env: Environment = { ...(account && { account }), ...(region && { region }) };
  const state = new StateStack(app, `HonestJobs-${settings.stage}-State`, {
    env,
    settings,
    description: `honest-jobs ${settings.stage}: tables, bucket and sender`,
  });
  const jobs = new JobsStack(app, `HonestJobs-${settings.stage}-Jobs`, {
    env,
    settings,
    state,
    description: `honest-jobs ${settings.stage}: queues, consumers, alarms and dashboard`,
  });
  warnOfPlaceholders(jobs, settings);
  return { state, jobs };
}
