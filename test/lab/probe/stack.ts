import { Stack } from 'aws-cdk-lib';
import { Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import { settingsOf } from '../../../infra/config.ts';
import { AlarmTopic } from '../../../infra/constructs/alarm-topic.ts';
import { JobPlatform } from '../../../infra/constructs/job-platform.ts';
import { StateStack } from '../../../infra/stacks/state.ts';
import { newApp } from '../../../infra/stage.ts';

/** The real state stack, and a jobs stack that holds nothing but the platform yet. */
export function probeStack() {
  const app = newApp();
  const settings = settingsOf(app.node.tryGetContext('stage'));
  const state = new StateStack(app, 'State', { settings });
  const jobs = new Stack(app, 'Jobs');
  const alarmTopic = new AlarmTopic(jobs, 'Alarms', { email: settings.alarmEmail });
  const dashboard = new Dashboard(jobs, 'Dashboard');
  new JobPlatform(jobs, 'Platform', { settings, state, alarmTopic, dashboard });
  return { app, state, jobs };
}
