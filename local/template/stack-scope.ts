import { LocalCloudError } from '../kernel/errors.ts';
import type { Provisioned } from '../kernel/resources.ts';
import type { AssemblyStack } from './assembly.ts';
import { resolveCondition, type Scope } from './intrinsics.ts';

/** What all stacks of a deployment share. */
export interface DeploymentEnvironment {
  readonly region: string;
  readonly accountId: string;
}

/** Resolves the names of one stack while it is being provisioned. */
export class StackScope implements Scope {
  readonly where: string;
  readonly #stack: AssemblyStack;
  readonly #environment: DeploymentEnvironment;
  readonly #provisioned: ReadonlyMap<string, Provisioned>;
  readonly #exports: ReadonlyMap<string, unknown>;

  constructor(
    stack: AssemblyStack,
    environment: DeploymentEnvironment,
    provisioned: ReadonlyMap<string, Provisioned>,
    exports: ReadonlyMap<string, unknown>,
    where = stack.name,
  ) {
    this.where = where;
    this.#stack = stack;
    this.#environment = environment;
    this.#provisioned = provisioned;
    this.#exports = exports;
  }

  /** The same scope, for messages about another part of the template. */
  at(part: string): StackScope {
    const where = `${this.#stack.name}/${part}`;
    return new StackScope(this.#stack, this.#environment, this.#provisioned, this.#exports, where);
  }

  ref(name: string): unknown {
    if (name.startsWith('AWS::')) return this.#pseudo(name);
    if (Object.hasOwn(this.#stack.template.Parameters ?? {}, name)) return this.#parameter(name);
    return this.#resource(name).ref;
  }

  attribute(logicalId: string, name: string): string {
    const { attributes } = this.#resource(logicalId);
    const value = attributes[name];
    if (value === undefined)
      throw new LocalCloudError(
        'UNKNOWN_ATTRIBUTE',
        `${this.where} asks for the attribute "${name}" of ${logicalId}, which the local cloud does not give (it gives ${Object.keys(attributes).join(', ') || 'none'}).`,
      );
    return value;
  }

  condition(name: string): boolean {
    const conditions = this.#stack.template.Conditions ?? {};
    if (!Object.hasOwn(conditions, name))
      throw this.#unknown(`the condition "${name}", which its template does not define`);
    return resolveCondition(conditions[name], this.at(`Conditions/${name}`));
  }

  mapped(map: string, topKey: string, secondKey: string): unknown {
    const value = this.#stack.template.Mappings?.[map]?.[topKey]?.[secondKey];
    if (value === undefined)
      throw this.#unknown(`the mapping ${map}[${topKey}][${secondKey}], which its template does not have`);
    return value;
  }

  imported(exportName: string): unknown {
    if (!this.#exports.has(exportName))
      throw this.#unknown(`the export "${exportName}", which no stack deployed before it has`);
    return this.#exports.get(exportName);
  }

  availabilityZones(region: string): readonly string[] {
    return ['a', 'b', 'c'].map((zone) => `${region || this.#environment.region}${zone}`);
  }

  #pseudo(name: string): string | readonly string[] | undefined {
    const { region, accountId } = this.#environment;
    switch (name) {
      case 'AWS::NoValue':
        return undefined;
      case 'AWS::Region':
        return region;
      case 'AWS::AccountId':
        return accountId;
      case 'AWS::Partition':
        return 'aws';
      case 'AWS::URLSuffix':
        return 'amazonaws.com';
      case 'AWS::StackName':
        return this.#stack.name;
      case 'AWS::StackId':
        return `arn:aws:cloudformation:${region}:${accountId}:stack/${this.#stack.name}/local`;
      case 'AWS::NotificationARNs':
        return [];
      default:
        throw this.#unknown(`the pseudo parameter "${name}", which the local cloud does not know`);
    }
  }

  #parameter(name: string): unknown {
    const parameter = this.#stack.template.Parameters?.[name];
    if (parameter?.Default === undefined || parameter.Type.startsWith('AWS::SSM::'))
      throw this.#unknown(
        `the parameter "${name}", which has no value here: give it a Default (parameters of the kind AWS::SSM are looked up on AWS only)`,
      );
    const value = String(parameter.Default);
    return parameter.Type === 'CommaDelimitedList' || parameter.Type.startsWith('List<')
      ? value.split(',').map((element) => element.trim())
      : value;
  }

  #resource(logicalId: string): Provisioned {
    const resource = this.#provisioned.get(logicalId);
    if (!resource)
      throw this.#unknown(`"${logicalId}", which is no parameter and no resource that its conditions create`);
    return resource;
  }

  #unknown(what: string): LocalCloudError {
    return new LocalCloudError('UNKNOWN_REFERENCE', `${this.where} refers to ${what}.`);
  }
}
