import { type App, AspectPriority, Aspects, CfnResource, type IAspect } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { AppResources } from './app-resources.ts';
import { QUEUE_ITEMS, READ_TYPES, type Refusal } from './queue-items.ts';

/**
 * Refuses at synth what no job queue may be without: each queue that feeds a function is held against {@link QUEUE_ITEMS}, whoever made it and
 * however. It reads what will be in the template, so an override that takes something away is seen too.
 *
 * A queue that another app makes cannot be looked at here; of it only the mapping is.
 */
export class Checklist implements IAspect {
  readonly #app: App;
  readonly #seen = new WeakSet<IConstruct>();
  /** Read once a synthesis, at its first mapping: nothing changes any more while constructs are validated. */
  #read: { readonly resources: AppResources; readonly of: IConstruct } | undefined;

  static addTo(app: App): void {
    // After whatever changes something.
    Aspects.of(app).add(new Checklist(app), { priority: AspectPriority.READONLY });
  }

  private constructor(app: App) {
    this.#app = app;
  }

  visit(construct: IConstruct): void {
    if (!CfnResource.isCfnResource(construct) || this.#seen.has(construct)) return;
    if (construct.cfnResourceType !== 'AWS::Lambda::EventSourceMapping') return;
    this.#seen.add(construct);
    // Validations come after all aspects and after the references between stacks are settled, and all their refusals are told at once.
    construct.node.addValidation({ validate: () => this.#refusals(construct).map(sentence) });
  }

  #refusals(mapping: CfnResource): Refusal[] {
    const resources = this.#resources(mapping);
    const read = resources.of(mapping);
    return read
      ? QUEUE_ITEMS.flatMap(({ item, refuse }) => refuse(read, resources).map((one) => ({ item, ...one })))
      : [];
  }

  /** A mapping that asks again belongs to a new synthesis. */
  #resources(mapping: IConstruct): AppResources {
    if (this.#read === undefined || this.#read.of === mapping)
      this.#read = { resources: new AppResources(this.#app, READ_TYPES), of: mapping };
    return this.#read.resources;
  }
}

function sentence({ item, path, lacks, mend }: Refusal): string {
  return `${item}: ${path} ${lacks}. Mend: ${mend}.`;
}
