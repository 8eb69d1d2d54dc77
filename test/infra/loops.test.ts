import { describe, expect, it } from 'vitest';
import { synthesized } from './synthesized.ts';

const dev = synthesized({ stage: 'dev' });
const functions = [...dev.resources('AWS::Lambda::Function')];
const policies = [...dev.resources('AWS::IAM::Policy').values()];
const mappings = [...dev.resources('AWS::Lambda::EventSourceMapping').values()];

/** The logical ids that a `Fn::GetAtt` or `Ref` anywhere within a value names. */
function named(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const { Ref, 'Fn::GetAtt': attribute } = value as Readonly<Record<string, unknown>>;
  if (typeof Ref === 'string') return [Ref];
  if (Array.isArray(attribute)) return [String(attribute[0])];
  return Object.values(value).flatMap(named);
}

/** The queues that a role may send to. */
function queuesOf(role: string): readonly string[] {
  return policies
    .filter(({ Properties }) => named(Properties.Roles).includes(role))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
    .filter(({ Action }) => [Action].flat().includes('sqs:SendMessage'))
    .flatMap(({ Resource }) => named(Resource));
}

/** Each function that may send to a queue, by its name, with the functions that take from those queues. */
const senders = new Map(
  functions.flatMap(([, { Properties }]) => {
    const queues = named(Properties.Role).flatMap(queuesOf);
    const takers = mappings
      .filter((mapping) => named(mapping.Properties.EventSourceArn).some((queue) => queues.includes(queue)))
      .flatMap((mapping) => named(mapping.Properties.FunctionName));
    const names = functions.filter(([id]) => takers.includes(id)).map(([, one]) => nameOf(one.Properties));
    return queues.length === 0 ? [] : [[nameOf(Properties), { Properties, takers: names }] as const];
  }),
);

function nameOf({ FunctionName }: { readonly FunctionName: string }): string {
  return FunctionName.replace('honest-jobs-dev-', '');
}

describe('a function that may send to a queue', () => {
  it.each([...senders])('may be in a loop, so that Lambda drops nothing of %s', (_name, { Properties }) => {
    expect(Properties.RecursiveLoop).toBe('Allow');
  });

  it('is each that takes from one, as it sends its own messages again, and some that begin chains', () => {
    const taking = functions
      .filter(([id]) => mappings.some(({ Properties }) => named(Properties.FunctionName).includes(id)))
      .map(([, { Properties }]) => nameOf(Properties));
    expect(taking.length).toBeGreaterThan(0);
    for (const name of taking) expect(senders.get(name)?.takers).toContain(name);
    expect([...senders.keys()]).toEqual(expect.arrayContaining(['execution-ends', 'webhook-ingress']));
  });
});

describe('what is sent', () => {
  it.each([...senders.keys()])('by %s comes back to it by no way but straight from its own queue', (name) => {
    const reached = new Set<string>();
    const follow = (from: string): void => {
      for (const to of senders.get(from)?.takers ?? [])
        if (to !== from && !reached.has(to)) {
          reached.add(to);
          follow(to);
        }
    };
    follow(name);
    expect([...reached]).not.toContain(name);
  });
});
