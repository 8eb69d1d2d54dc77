import { allows, type PolicyStatement } from '../../../local/iam/policy.ts';
import type { Access } from './access-of.ts';

/** A function with what its role may do. */
export interface FunctionRole {
  readonly functionName: string;
  readonly statements: readonly PolicyStatement[];
}

/** Something that a role allows and no call shows, or that is allowed by a wildcard, with the reason. */
export interface Explained {
  readonly what: 'unused' | 'wildcard';
  readonly action: RegExp;
  readonly resource: RegExp;
  readonly reason: string;
}

/** One action on one resource, as a statement allows it. */
interface Allowance {
  readonly action: string;
  readonly resource: string;
  readonly statement: PolicyStatement;
}

export interface Comparison {
  /** A line for each thing that is wrong. */
  readonly findings: readonly string[];
  /** The explanations that explained nothing. */
  readonly stale: readonly Explained[];
}

/**
 * Holds what functions did against what their roles allow, both ways: each call is allowed; each allowance is used or explained; no resource is
 * given by a wildcard that is not explained; and no role allows what only other functions did.
 */
export function compare(
  accesses: readonly Access[],
  roles: readonly FunctionRole[],
  explanations: readonly Explained[],
): Comparison {
  const used = new Set<Explained>();
  const explained = (what: Explained['what'], { action, resource }: Allowance): boolean => {
    const found = explanations.filter(
      (one) => one.what === what && one.action.test(action) && one.resource.test(resource),
    );
    for (const one of found) used.add(one);
    return found.length > 0;
  };
  const findings = roles.flatMap((role) => {
    const { functionName, statements } = role;
    const own = accesses.filter((access) => access.functionName === functionName);
    const allowances = statements.flatMap(allowancesOf);
    return [
      ...own
        .filter((access) => !allows(statements, access))
        .map((access) => `${functionName} may not ${textOf(access)}, and did`),
      ...allowances
        .filter((one) => !own.some((access) => covers(one, access)))
        .filter((one) => !explained('unused', one))
        .map((one) => `${functionName} may ${one.action} on ${one.resource}, and never did`),
      ...allowances
        .filter(({ action, resource }) => /[*?]/.test(action + resource))
        .filter((one) => !explained('wildcard', one))
        .map((one) => `${functionName} may ${one.action} on ${one.resource}, by a wildcard`),
      ...accesses
        .filter((access) => access.functionName !== functionName && allows(statements, access))
        .filter((access) => !own.some((one) => sameKind(one, access)))
        .filter((access) => !allowances.some((one) => covers(one, access) && explained('unused', one)))
        .map((access) => `${functionName} may ${textOf(access)}, as only ${access.functionName} did`),
    ];
  });
  return {
    findings: [...new Set(findings)],
    stale: explanations.filter((one) => !used.has(one)),
  };
}

function allowancesOf(statement: PolicyStatement): Allowance[] {
  return [statement.Action ?? []].flat().flatMap((action) =>
    [statement.Resource ?? []].flat().map((resource) => ({
      action: String(action),
      resource: String(resource),
      statement,
    })),
  );
}

function covers({ action, resource, statement }: Allowance, access: Access): boolean {
  return allows([{ ...statement, Action: action, Resource: resource }], access);
}

/** The same action on the same resource; for keys and paths that differ job by job, of the same job type. */
function sameKind(one: Access, other: Access): boolean {
  return one.action === other.action && kindOf(one) === kindOf(other);
}

function kindOf({ resource, context }: Access): string {
  const [key = ''] = (context['dynamodb:LeadingKeys'] ?? []) as readonly string[];
  const type = key.includes('#') ? key.slice(0, key.indexOf('#')) : '';
  return `${resource.replace(/^(arn:aws:s3:::[^/]+\/[^/]+)\/.*$/, '$1').replace(/(:execution:[^:]+):.*$/, '$1')} ${type}`;
}

function textOf({ action, resource, context }: Access): string {
  const type = kindOf({ functionName: '', action, resource, context }).split(' ')[1];
  return `${action} on ${resource}${type ? ` of ${type}` : ''}`;
}
