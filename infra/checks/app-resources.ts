import { CfnOutput, CfnResource, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** A resource as its template will have it: overrides applied, tokens resolved. */
export interface AppResource {
  readonly construct: CfnResource;
  readonly path: string;
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: a template's properties have no type
  readonly properties: any;
}

/** What an app's templates will hold, over all its stacks. To be asked when the references between stacks are settled: in a validation. */
export class AppResources {
  readonly #byId = new Map<string, AppResource>();
  readonly #exports = new Map<string, { readonly value: unknown; readonly stack: Stack }>();

  /** @param types those that are of interest: to resolve all would double the time of a synthesis */
  constructor(app: IConstruct, types: readonly string[]) {
    for (const construct of app.node.findAll()) {
      if (construct instanceof CfnOutput && construct.exportName !== undefined) this.#addExport(construct);
      if (CfnResource.isCfnResource(construct) && types.includes(construct.cfnResourceType))
        this.#addResource(construct);
    }
  }

  ofType(type: string): readonly AppResource[] {
    return [...this.#byId.values()].filter((resource) => resource.type === type);
  }

  of(construct: CfnResource): AppResource | undefined {
    return this.#byId.get(idIn(Stack.of(construct), construct.logicalId));
  }

  /**
   * What a property leads to: by `Ref`, `Fn::GetAtt` or an export of another stack, or by the physical name that a name or ARN ends with.
   * `undefined` for what this app does not make.
   *
   * @param nameProperty what holds the physical name in resources of the type
   */
  target(
    value: unknown,
    stack: Stack,
    type: string,
    nameProperty: 'QueueName' | 'FunctionName',
  ): AppResource | undefined {
    const {
      Ref,
      'Fn::GetAtt': attribute,
      'Fn::ImportValue': imported,
      'Fn::Join': joined,
    } = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
    if (typeof imported === 'string') {
      const found = this.#exports.get(imported);
      return found && this.target(found.value, found.stack, type, nameProperty);
    }
    const id = Ref ?? (attribute as readonly string[] | undefined)?.[0];
    if (typeof id === 'string') {
      const found = this.#byId.get(idIn(stack, id));
      return found?.type === type ? found : undefined;
    }
    const last = Array.isArray(joined) ? (joined[1] as readonly unknown[]).at(-1) : value;
    if (typeof last !== 'string') return undefined;
    const name = last.slice(last.lastIndexOf(':') + 1);
    return this.ofType(type).find(({ properties }) => properties[nameProperty] === name);
  }

  #addResource(construct: CfnResource): void {
    const stack = Stack.of(construct);
    // Not the construct's own members, which know nothing of overrides. The CDK makes the template of it and hides it from types.
    const section = stack.resolve(
      (construct as CfnResource & { _toCloudFormation(): object })._toCloudFormation(),
    ) as {
      readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties?: object }>>;
    };
    const [resource] = Object.values(section.Resources);
    this.#byId.set(idIn(stack, construct.logicalId), {
      construct,
      path: construct.node.path,
      type: construct.cfnResourceType,
      properties: resource?.Properties ?? {},
    });
  }

  #addExport({ node, value, exportName }: CfnOutput): void {
    const stack = Stack.of(node.scope as IConstruct);
    this.#exports.set(String(stack.resolve(exportName)), { value: stack.resolve(value), stack });
  }
}

function idIn(stack: Stack, logicalId: string): string {
  return `${stack.node.path}\0${stack.resolve(logicalId)}`;
}
