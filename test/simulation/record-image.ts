import type { Item } from '../../local/dynamodb/index.ts';

/** What the rules read of a job's record, as the table has it. */
export interface RecordImage {
  readonly state: string;
  readonly owner: string;
  readonly attempts: number;
  readonly life: number;
  readonly payloadHash: string;
  readonly leaseUntilMs: number;
  readonly notBeforeMs: number | undefined;
  readonly expiration: number;
  readonly cancelRequestedAtMs: number | undefined;
  /** Its process died once. */
  readonly crashed: boolean;
  readonly verdict:
    | {
        readonly code: string;
        readonly message: string;
        readonly atMs: number;
        readonly bindsUntilMs: number | undefined;
      }
    | undefined;
  readonly completedAtMs: number | undefined;
  /** Of a staged job; empty: none. */
  readonly executionArn: string;
  /** `<life>.<attempt> <code>` of each failed attempt. */
  readonly failures: readonly string[];
  readonly lastFailure:
    | {
        readonly code: string;
        readonly delaySeconds: number | undefined;
        readonly delayWhy: string;
        readonly endedAtMs: number | undefined;
      }
    | undefined;
}

interface Attribute {
  readonly S?: string;
  readonly N?: string;
  readonly M?: Readonly<Record<string, Attribute>>;
  readonly L?: readonly Attribute[];
}

export function recordImage(item: Item): RecordImage {
  const attributes = item as Readonly<Record<string, Attribute>>;
  const text = (name: string): string => attributes[name]?.S ?? '';
  const verdict = attributes.verdict?.M;
  const history = attributes.history?.L ?? [];
  const failure = history.at(-1)?.M;
  return {
    state: text('state'),
    owner: text('owner'),
    attempts: number(attributes.attempts) ?? 0,
    life: number(attributes.life) ?? 1,
    payloadHash: text('payloadHash'),
    leaseUntilMs: number(attributes.leaseUntilMs) ?? 0,
    notBeforeMs: number(attributes.notBeforeMs),
    expiration: number(attributes.expiration) ?? 0,
    cancelRequestedAtMs: number(attributes.cancelRequestedAtMs),
    completedAtMs: number(attributes.completedAtMs),
    executionArn: text('executionArn'),
    crashed: attributes.crashed !== undefined,
    verdict: verdict && {
      code: verdict.code?.S ?? '',
      message: verdict.message?.S ?? '',
      atMs: number(verdict.atMs) ?? 0,
      bindsUntilMs: number(verdict.bindsUntilMs),
    },
    failures: history.map(({ M }) => `${M?.life?.N}.${M?.attempt?.N} ${M?.code?.S}`),
    lastFailure: failure && {
      code: failure.code?.S ?? '',
      delaySeconds: number(failure.delaySeconds),
      delayWhy: failure.delayWhy?.S ?? '',
      endedAtMs: number(failure.endedAtMs),
    },
  };
}

function number(attribute: Attribute | undefined): number | undefined {
  return attribute?.N === undefined ? undefined : Number(attribute.N);
}
