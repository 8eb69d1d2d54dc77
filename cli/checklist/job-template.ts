import { readAssembly, type TemplateResource } from '../../local/template/index.ts';
import { deadLetterQueueName, functionName, queueName, stateMachineName } from '../../shared/jobs/names.ts';
import { shown } from '../terminal.ts';

type Properties = Readonly<Record<string, unknown>>;

/** A resource of the template by its logical id. */
export class Found {
  readonly id: string;
  readonly #properties: Properties;

  constructor(id: string, { Properties = {} }: TemplateResource) {
    this.id = id;
    this.#properties = Properties;
  }

  /** @param path names with points between, as `RedrivePolicy.maxReceiveCount` */
  value(path: string): unknown {
    return path
      .split('.')
      .reduce<unknown>((at, name) => (at as Properties | undefined)?.[name], this.#properties);
  }

  /** The line of the template: logical id, property, value. `undefined` where the property is not there. */
  line(path: string): string | undefined {
    const value = this.value(path);
    return value === undefined ? undefined : `${this.id} ${path} = ${shown(JSON.stringify(value), 110)}`;
  }

  /** Whether its properties name another resource. */
  names(other: Found | undefined): boolean {
    return other !== undefined && this.holds(`"${other.id}"`);
  }

  holds(text: string): boolean {
    return JSON.stringify(this.#properties).includes(text);
  }
}

/** What a synthesized template holds of one job type. */
export class JobTemplate {
  readonly type: string;
  readonly stage: string;
  readonly queue: Found | undefined;
  readonly deadLetterQueue: Found | undefined;
  readonly consumer: Found | undefined;
  readonly mapping: Found | undefined;
  /** Of a staged job. */
  readonly machine: Found | undefined;
  readonly alarms: readonly Found[];
  readonly dashboard: Found | undefined;

  /** @param directory a cloud assembly */
  constructor(directory: string, stage: string, type: string) {
    const resources = readAssembly(directory).stacks.flatMap(({ template }) =>
      Object.entries(template.Resources ?? {}),
    );
    const all = (kind: string): Found[] =>
      resources.filter(([, { Type }]) => Type === kind).map(([id, resource]) => new Found(id, resource));
    const named = (kind: string, property: string, name: string): Found | undefined =>
      all(kind).find((one) => one.value(property) === name);
    this.type = type;
    this.stage = stage;
    this.queue = named('AWS::SQS::Queue', 'QueueName', queueName(stage, type));
    this.deadLetterQueue = named('AWS::SQS::Queue', 'QueueName', deadLetterQueueName(stage, type));
    this.consumer = named('AWS::Lambda::Function', 'FunctionName', functionName(stage, type));
    this.machine = named(
      'AWS::StepFunctions::StateMachine',
      'StateMachineName',
      stateMachineName(stage, type),
    );
    this.mapping = all('AWS::Lambda::EventSourceMapping').find((one) => one.names(this.queue));
    this.alarms = all('AWS::CloudWatch::Alarm').filter(
      (one) => one.names(this.queue) || one.names(this.deadLetterQueue),
    );
    this.dashboard = all('AWS::CloudWatch::Dashboard').find((one) => one.holds(`### ${type}\\`));
  }
}
