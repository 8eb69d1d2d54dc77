import { beforeAll, describe, expect, it } from 'vitest';
import { isThere } from '../../../cli/checklist/test-evidence.ts';
import type { PolicyStatement } from '../../../local/iam/policy.ts';
import { compare, type FunctionRole } from './compare.ts';
import { type Exercised, exercise } from './exercise.ts';
import { EXPLAINED } from './explained.ts';

const PAYMENTS = 'honest-jobs-dev-process-payment';
const ACCOUNT = 'us-east-1:000000000000';

let done: Exercised;
beforeAll(async () => {
  done = await exercise();
}, 300_000);

/** The findings where the role of payments is another one. */
function findingsWith(
  change: (statements: readonly PolicyStatement[]) => readonly PolicyStatement[],
): readonly string[] {
  const roles: FunctionRole[] = done.roles.map((role) =>
    role.functionName === PAYMENTS ? { ...role, statements: change(role.statements) } : role,
  );
  return compare(done.accesses, roles, EXPLAINED).findings;
}

const adding = (statement: Omit<PolicyStatement, 'Effect'>) =>
  findingsWith((statements) => [...statements, { Effect: 'Allow', ...statement }]);

describe('the functions of the deployed template', () => {
  it('each did something', () => {
    const silent = done.roles.filter(
      ({ functionName }) => !done.accesses.some((access) => access.functionName === functionName),
    );
    expect(silent).toEqual([]);
  });

  it('did what their roles allow, and their roles allow no more than is used or explained', () => {
    expect(compare(done.accesses, done.roles, EXPLAINED).findings).toEqual([]);
  });

  it('have no explanation that explains nothing, or by a test that is gone', () => {
    const { stale } = compare(done.accesses, done.roles, EXPLAINED);
    expect(stale.map(({ reason }) => reason)).toEqual([]);
    expect(EXPLAINED.filter(({ test }) => test && !isThere(test)).map(({ reason }) => reason)).toEqual([]);
  });
});

describe('a role that is too broad is found', () => {
  it('by an action that nothing calls', () => {
    expect(
      adding({
        Action: 'dynamodb:Scan',
        Resource: `arn:aws:dynamodb:${ACCOUNT}:table/honest-jobs-dev-accounts`,
      }),
    ).toEqual([
      `${PAYMENTS} may dynamodb:Scan on arn:aws:dynamodb:${ACCOUNT}:table/honest-jobs-dev-accounts, and never did`,
    ]);
  });

  it('by a resource of everything, though the action is used', () => {
    expect(adding({ Action: 'dynamodb:UpdateItem', Resource: '*' })).toContain(
      `${PAYMENTS} may dynamodb:UpdateItem on *, by a wildcard`,
    );
  });

  it('by a condition that was left out: it reaches the records of other job types', () => {
    const findings = findingsWith((statements) =>
      statements.map(({ Condition, ...statement }) =>
        JSON.stringify(Condition ?? '').includes('LeadingKeys')
          ? statement
          : { ...statement, ...(Condition && { Condition }) },
      ),
    );
    expect(findings).toContain(
      `${PAYMENTS} may dynamodb:UpdateItem on arn:aws:dynamodb:${ACCOUNT}:table/honest-jobs-dev-jobs of send-email, as only honest-jobs-dev-send-email did`,
    );
  });

  it('by the right to publish another type', () => {
    const findings = adding({
      Action: 'sqs:SendMessage',
      Resource: `arn:aws:sqs:${ACCOUNT}:honest-jobs-dev-send-email`,
    });
    expect(findings).toContain(
      `${PAYMENTS} may sqs:SendMessage on arn:aws:sqs:${ACCOUNT}:honest-jobs-dev-send-email, and never did`,
    );
  });
});

describe('a permission that is missing is found', () => {
  it.each(['dynamodb:UpdateItem', 'sqs:ChangeMessageVisibility'])(
    'by the call that needs it: %s',
    (action) => {
      const findings = findingsWith((statements) =>
        statements.map((statement) => ({
          ...statement,
          Action: [statement.Action ?? []].flat().filter((one) => one !== action),
        })),
      );
      expect(findings).toContainEqual(
        expect.stringMatching(`^${PAYMENTS} may not ${action} on .+, and did$`),
      );
    },
  );
});
