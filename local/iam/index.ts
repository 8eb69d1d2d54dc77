import { checkProperties } from '../kernel/properties.ts';
import type { Properties, ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext } from '../kernel/service.ts';
import { allows, type PolicyStatement } from './policy.ts';

export type { PolicyStatement } from './policy.ts';

interface PolicyDocument {
  readonly Statement: PolicyStatement | readonly PolicyStatement[];
}

/**
 * The roles and policies of the template. They are not enforced on functions: what a role may do can be read here and held
 * against the calls that its function made. A service that acts by a role asks whether it may.
 */
export class Iam {
  readonly #context: CloudContext;
  readonly #roles = new Map<string, Map<string, readonly PolicyStatement[]>>();
  readonly #trust = new Map<string, readonly PolicyStatement[]>();
  readonly #managed = new Map<string, readonly PolicyStatement[]>();

  constructor(context: CloudContext) {
    this.#context = context;
  }

  /** The names of all roles. */
  roles(): readonly string[] {
    return [...this.#roles.keys()];
  }

  /**
   * Makes a role beside those of the template, for what a test runs beside its functions.
   *
   * @param trust who may take it
   * @returns its ARN
   */
  addRole(name: string, trust: readonly PolicyStatement[], statements: readonly PolicyStatement[]): string {
    this.#roles.set(name, new Map([['own', statements]]));
    this.#trust.set(name, trust);
    return this.#arn('role', name);
  }

  /** What a role may do, over all of its policies that the template holds (AWS's own managed ones are not among them). */
  statementsOf(roleNameOrArn: string): readonly PolicyStatement[] {
    const policies = this.#roles.get(roleNameOrArn.split('/').pop() ?? '');
    return [...(policies?.entries() ?? [])].flatMap(([name, own]) => this.#managed.get(name) ?? own);
  }

  /** Whether a service may take a role, by the role's trust policy. @param sourceArn the resource that it does so for */
  mayAssume(service: string, roleArn: string, sourceArn: string): boolean {
    const name = this.#named(roleArn);
    return allows((name !== undefined && this.#trust.get(name)) || [], {
      action: 'sts:AssumeRole',
      service,
      context: { 'aws:SourceAccount': this.#context.accountId, 'aws:SourceArn': sourceArn },
    });
  }

  /** Whether a role may do something to a resource, by its own policies. @param context the values of condition keys */
  allows(
    roleArn: string,
    action: string,
    resourceArn: string,
    context: Readonly<Record<string, string | readonly string[]>> = {},
  ): boolean {
    const name = this.#named(roleArn);
    return name !== undefined && allows(this.statementsOf(name), { action, resource: resourceArn, context });
  }

  providers(): readonly ResourceProvider[] {
    return [this.#roleProvider(), this.#policyProvider(), this.#managedPolicyProvider()];
  }

  #roleProvider(): ResourceProvider {
    const type = 'AWS::IAM::Role';
    const honoured = ['RoleName', 'AssumeRolePolicyDocument', 'ManagedPolicyArns', 'Policies'];
    const inert = ['Description', 'MaxSessionDuration', 'Path', 'PermissionsBoundary', 'Tags'];
    return {
      type,
      provision: (properties, identity) => {
        checkProperties(type, properties, identity, honoured, inert);
        const name = (properties.RoleName as string | undefined) ?? identity.generatedName(64);
        const policies = new Map<string, readonly PolicyStatement[]>();
        for (const arn of (properties.ManagedPolicyArns ?? []) as readonly string[]) policies.set(arn, []);
        for (const policy of (properties.Policies ?? []) as readonly Properties[])
          policies.set(String(policy.PolicyName), statements(policy.PolicyDocument));
        this.#roles.set(name, policies);
        this.#trust.set(name, statements(properties.AssumeRolePolicyDocument));
        return { ref: name, attributes: { Arn: this.#arn('role', name), RoleId: `AROA${name}` } };
      },
    };
  }

  #policyProvider(): ResourceProvider {
    const type = 'AWS::IAM::Policy';
    return {
      type,
      provision: (properties, identity) => {
        checkProperties(
          type,
          properties,
          identity,
          ['PolicyName', 'PolicyDocument', 'Roles'],
          ['Groups', 'Users'],
        );
        const name = String(properties.PolicyName);
        this.#attach(properties.Roles, name, statements(properties.PolicyDocument));
        return { ref: name, attributes: { Id: name } };
      },
    };
  }

  #managedPolicyProvider(): ResourceProvider {
    const type = 'AWS::IAM::ManagedPolicy';
    const honoured = ['ManagedPolicyName', 'PolicyDocument', 'Roles'];
    return {
      type,
      provision: (properties, identity) => {
        checkProperties(type, properties, identity, honoured, ['Description', 'Groups', 'Path', 'Users']);
        const name = (properties.ManagedPolicyName as string | undefined) ?? identity.generatedName(128);
        const arn = this.#arn('policy', name);
        const own = statements(properties.PolicyDocument);
        this.#managed.set(arn, own);
        this.#attach(properties.Roles, arn, own);
        return { ref: arn, attributes: { PolicyArn: arn, PolicyId: `ANPA${name}` } };
      },
    };
  }

  #named(roleArn: string): string | undefined {
    return this.roles().find((name) => this.#arn('role', name) === roleArn);
  }

  #attach(roles: unknown, policy: string, own: readonly PolicyStatement[]): void {
    for (const role of (roles ?? []) as readonly string[]) this.#roles.get(role)?.set(policy, own);
  }

  #arn(kind: string, name: string): string {
    return `arn:aws:iam::${this.#context.accountId}:${kind}/${name}`;
  }
}

function statements(document: unknown): readonly PolicyStatement[] {
  return [(document as PolicyDocument).Statement].flat();
}
