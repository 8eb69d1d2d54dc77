import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Dashboard } from 'aws-cdk-lib/aws-cloudwatch';
import type { Settings } from '../../infra/config.ts';
import { AlarmTopic } from '../../infra/constructs/alarm-topic.ts';
import { JobPlatform } from '../../infra/constructs/job-platform.ts';
import { StateStack } from '../../infra/stacks/state.ts';
import { newApp } from '../../infra/stage.ts';

/** The template of a stack with the platform of jobs and what `add` puts there, without bundles. */
export function stackWith(settings: Settings, add: (stack: Stack) => void): Template {
  const app = newApp({ context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false });
  const state = new StateStack(app, 'State', { settings });
  const stack = new Stack(app, 'Jobs');
  const alarmTopic = new AlarmTopic(stack, 'Topic');
  const dashboard = new Dashboard(stack, 'Dashboard');
  new JobPlatform(stack, 'Platform', { settings, state, alarmTopic, dashboard });
  add(stack);
  return Template.fromStack(stack);
}
