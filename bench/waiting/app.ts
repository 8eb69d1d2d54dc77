/** The real state stack, and a jobs stack with the waiting job alone. */
import { fileURLToPath } from 'node:url';
import { Stack } from 'aws-cdk-lib';
import { Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import { settingsOf } from '../../infra/config.ts';
import { AlarmTopic } from '../../infra/constructs/alarm-topic.ts';
import { JobPlatform } from '../../infra/constructs/job-platform.ts';
import { JobQueue } from '../../infra/constructs/job-queue.ts';
import { StateStack } from '../../infra/stacks/state.ts';
import { newApp } from '../../infra/stage.ts';
import { waiting } from './contract.ts';

const app = newApp();
const settings = settingsOf(app.node.tryGetContext('stage'));
const state = new StateStack(app, 'State', { settings });
const jobs = new Stack(app, 'Jobs');
const alarmTopic = new AlarmTopic(jobs, 'Alarms', { email: settings.alarmEmail });
const dashboard = new Dashboard(jobs, 'Dashboard');
new JobPlatform(jobs, 'Platform', { settings, state, alarmTopic, dashboard });
new JobQueue(jobs, 'Waiting', {
  job: waiting,
  entry: fileURLToPath(new URL('handler.ts', import.meta.url)),
});
app.synth();
