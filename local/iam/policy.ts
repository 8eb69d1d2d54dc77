export interface PolicyStatement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Principal?: unknown;
  readonly Condition?: Readonly<Record<string, unknown>>;
  readonly [element: string]: unknown;
}

/** What is to be done, and under which circumstances. */
export interface Access {
  readonly action: string;
  /** For an identity's policy. */
  readonly resource?: string;
  /** For a role's trust policy: the AWS service that wants to act. */
  readonly service?: string;
  /** Nobody in particular wants to act: a resource's policy must name everybody. @default false */
  readonly anonymous?: boolean;
  /** The values of condition keys; some keys have several. @default none */
  readonly context?: Readonly<Record<string, string | readonly string[]>>;
}

/** Whether the statements allow it: one does, and none denies it. */
export function allows(statements: readonly PolicyStatement[], access: Access): boolean {
  const applying = statements.filter((statement) => applies(statement, access));
  return applying.length > 0 && applying.every(({ Effect }) => Effect === 'Allow');
}

function applies(
  statement: PolicyStatement,
  { action, resource, service, anonymous = false, context = {} }: Access,
): boolean {
  const {
    Effect,
    Action,
    NotAction,
    Resource,
    NotResource,
    Principal,
    NotPrincipal,
    Condition = {},
  } = statement;
  // “Condition key names are not case-sensitive.”
  const values = new Map(Object.entries(context).map(([key, value]) => [key.toLowerCase(), value]));
  const isAction = (pattern: string) => matches(pattern.toLowerCase(), action.toLowerCase());
  return (
    covers(Action, NotAction, isAction) &&
    (resource === undefined || covers(Resource, NotResource, (pattern) => matches(pattern, resource))) &&
    (service === undefined || isFor(Principal, NotPrincipal, (principal) => names(principal, service))) &&
    (!anonymous || isFor(Principal, NotPrincipal, namesEverybody)) &&
    Object.entries(Condition).every(([operator, keys]) =>
      Object.entries(keys as object).every(
        ([key, wanted]) => holds(operator, texts(wanted), values.get(key.toLowerCase())) ?? Effect === 'Deny',
      ),
    )
  );
}

/** What an element names, or, by its `Not…`, all but what that names. */
function covers(named: unknown, spared: unknown, fits: (pattern: string) => boolean): boolean {
  return spared === undefined ? texts(named).some(fits) : !texts(spared).some(fits);
}

function isFor(named: unknown, spared: unknown, fits: (principal: unknown) => boolean): boolean {
  return spared === undefined ? fits(named) : !fits(spared);
}

function names(principal: unknown, service: string): boolean {
  const { Service } = (principal ?? {}) as { readonly Service?: unknown };
  return namesEverybody(principal) || texts(Service).includes(service);
}

function namesEverybody(principal: unknown): boolean {
  const { AWS } = (principal ?? {}) as { readonly AWS?: unknown };
  return principal === '*' || texts(AWS).includes('*');
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html */
const FOR_ALL = 'ForAllValues:';

/** `undefined` for an operator that is not known here: then nothing is allowed for its sake, and nothing spared a denial. */
function holds(
  operator: string,
  values: readonly string[],
  actual: string | readonly string[] | undefined,
): boolean | undefined {
  if (operator.startsWith(FOR_ALL)) {
    // Holds where the request has no value of the key, as AWS says, and so is no guard by itself.
    const each = texts(actual).map((one) => holds(operator.slice(FOR_ALL.length), values, one));
    return each.includes(undefined) ? undefined : each.every((one) => one);
  }
  if (actual === undefined) return false;
  if (typeof actual !== 'string') return undefined;
  switch (operator) {
    case 'Bool':
    case 'StringEquals':
      return values.includes(actual);
    case 'StringLike':
    case 'ArnEquals':
    case 'ArnLike':
      return values.some((pattern) => matches(pattern, actual));
    default:
      return undefined;
  }
}

/** `*` for any characters, `?` for one. */
function matches(pattern: string, text: string): boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}

function texts(value: unknown): readonly string[] {
  return value === undefined ? [] : [value].flat().map(String);
}
