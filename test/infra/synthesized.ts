import { Template } from 'aws-cdk-lib/assertions';
import { parseSettings, type Settings, settingsOf } from '../../infra/config.ts';
import { addStage, newApp, type StageStacks } from '../../infra/stage.ts';

export interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template's properties have no type
  readonly Properties: any;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

export interface Synthesized extends StageStacks {
  readonly template: { readonly state: Template; readonly jobs: Template };
  /** Resources of a type in both stacks, by logical id. */
  resources(type: string): ReadonlyMap<string, Resource>;
}

/** Both stacks of a stage, without bundles and without the CDK's own check of the templates: those have a test of their own. */
export function synthesized(changes: Partial<Settings> & { stage: string }): Synthesized {
  const app = newApp({ context: { 'aws:cdk:bundling-stacks': [] }, builtinCloudFormationValidation: false });
  const stacks = addStage(app, parseSettings({ ...settingsOf(changes.stage), ...changes }));
  const template = { state: Template.fromStack(stacks.state), jobs: Template.fromStack(stacks.jobs) };
  const all = [template.state, template.jobs].map((each) => each.toJSON().Resources as object);
  return {
    ...stacks,
    template,
    resources: (type) =>
      new Map(
        all
          .flatMap((resources) => Object.entries(resources) as [string, Resource][])
          .filter(([, resource]) => resource.Type === type),
      ),
  };
}
