import { mulberry32 } from '../../samples/random.ts';
import { FAULTS, type Fault, type FaultKind } from './faults.ts';
import { DENSE_TYPE_SHARES, kindsFor, type SimulatedType, TYPE_SHARES, TYPES } from './weights.ts';

export { type SimulatedType, TYPES } from './weights.ts';

export interface SimulatedJob {
  /** `charge-000017`: its type and its number. */
  readonly key: string;
  readonly type: SimulatedType;
  /** Since the world began. */
  readonly atMs: number;
  readonly expiresAfterMs?: number;
}

/** Jobs whose results lie in S3. */
export function isLarge(job: string): boolean {
  return job.startsWith('notify') && Number(job.slice(-6)) % 40 === 7;
}

/** All that happens to one world. The same scenario always runs the same way. */
export interface Scenario {
  readonly seed: number;
  readonly jobs: readonly SimulatedJob[];
  readonly faults: readonly Fault[];
}

const MINUTE_MS = 60_000;
/** Everything is published within this. */
const PUBLISHING_MS = 10 * MINUTE_MS;
/** What is set by time strikes within this, redrives apart. */
const TROUBLED_MS = 20 * MINUTE_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
export const FIRST_REDRIVE_MS = 90 * MINUTE_MS;
const REDRIVES_MS = [FIRST_REDRIVE_MS, 3 * 24 * 60 * MINUTE_MS];
/** The last fault of a plan that is set by time. */
export const LAST_FAULT_MS = 3 * 24 * 60 * MINUTE_MS + 2000;

/** Longer than SQS hides a message. */
export const LONGEST_ASKED_MS = 13 * 60 * MINUTE_MS;

/**
 * Draws a world of `jobs` jobs, with any kind of fault in it.
 *
 * @param density faults of single jobs, as a multiple of the usual third of one a job
 */
export function drawScenario(seed: number, jobs: number, density: number): Scenario {
  const random = mulberry32(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <Value>(values: readonly Value[]): Value => values[below(values.length)] as Value;
  const clumps = Array.from({ length: 1 + Math.ceil(jobs / 100) }, () => below(PUBLISHING_MS));

  const published: SimulatedJob[] = Array.from({ length: jobs }, (_, index) => {
    const type = pick(density > 1 ? DENSE_TYPE_SHARES : TYPE_SHARES);
    return {
      key: `${type}-${String(index).padStart(6, '0')}`,
      type,
      atMs: pick(clumps),
      ...(random() < 0.06 ? { expiresAfterMs: 1000 * (1 + below(300)) } : {}),
    };
  });

  const faults: Fault[] = [];
  for (const { key, type } of published) {
    const draw = random();
    const staged = type === 'staged';
    const usual = draw < 0.78 ? 0 : draw < 0.93 ? 1 : draw < 0.985 ? 2 : 4;
    const count = staged ? (draw < 0.3 ? 0 : draw < 0.5 ? 1 : draw < 0.7 ? 2 : draw < 0.9 ? 4 : 7) : usual;
    for (let n = 0; n < count * density; n++) faults.push(faultOf(pick(kindsFor(type)), key));
  }
  for (const { key } of published)
    for (const kind of ['s3-refused', 's3-answer-lost', 's3-no-answer'] as const)
      if (isLarge(key) && random() < 0.3) faults.push(faultOf(kind, key));
  // Much later: most worlds end before that.
  if (random() < 0.25)
    for (const { key, expiresAfterMs } of published)
      if (expiresAfterMs === undefined && random() < 0.05)
        faults.push({
          kind: 'published-much-later',
          job: key,
          // Within the time that keys are remembered for, and after it: redrives of the first days count it anew.
          atMs: Math.floor(random() < 0.5 ? (30 + 5.9 * random()) * DAY_MS : (39.5 + 2 * random()) * DAY_MS),
        });
  return { seed, jobs: published, faults: [...faults, ...worldFaults()] };

  function faultOf(kind: FaultKind, job: string): Fault {
    const { site } = FAULTS[kind];
    if (site === 'job-time') return { kind, job, atMs: random() < 0.5 ? below(2000) : below(TROUBLED_MS) };
    const base = { kind, job, nth: 1 + Math.min(below(5), below(9)) };
    const late = job.startsWith('staged') && site === 'records' ? { nth: 1 + below(50) } : {};
    switch (kind) {
      case 'crash-around-send':
        return { ...base, nth: 1, moment: pick(['before', 'after'] as const) };
      case 'crash':
        return { ...base, ...late, moment: pick(['before', 'after'] as const) };
      case 'crash-around-states':
        return { ...base, nth: 1 + below(3), moment: pick(['before', 'after'] as const) };
      case 'states-refused':
      case 'states-answer-lost':
      case 's3-refused':
      case 's3-answer-lost':
        return { ...base, nth: 1 + below(3), times: pick([1, 2, 3, 4, 8]) };
      case 'states-no-answer':
      case 's3-no-answer':
        return { ...base, nth: 1 + below(2), moment: pick(['before', 'after'] as const) };
      case 'stage-crash':
        return { ...base, nth: 1 + below(6), ms: below(random() < 0.8 ? 500 : 8000) };
      case 'stage-frozen':
        return { ...base, nth: 1 + below(6), atMs: below(400), ms: 1000 * (1 + below(20)) };
      case 'stage-outlives':
        return { ...base, nth: 1 + below(6), atMs: below(400), ms: 1000 * (1 + below(45)) };
      case 'stage-answer-lost':
        return {
          ...base,
          nth: 1 + below(6),
          moment: pick(['before', 'after'] as const),
          times: pick([1, 1, 2, 3]),
        };
      case 'stage-throttled':
      case 'stage-asks-for-later':
        return { ...base, nth: 1 + below(6), times: pick([1, 1, 2, 5]) };
      case 'stage-throws':
        return {
          ...base,
          nth: 1 + below(6),
          times: pick([1, 1, 2, 3, 9]),
          moment: pick(['before', 'after'] as const),
        };
      case 'receiver-slow':
        return { ...base, nth: 1 + below(2), ms: below(20_000) };
      case 'receiver-hangs':
        return {
          ...base,
          nth: 1 + below(2),
          times: pick([1, 1, 3]),
          moment: pick(['before', 'after'] as const),
        };
      case 'receiver-answers': {
        const status = pick([302, 307, 400, 404, 408, 410, 429, 429, 429, 500, 503, 503]);
        const asks = status === 429 || status === 503;
        return {
          ...base,
          nth: 1 + below(2),
          times: pick([1, 1, 2, 9]),
          status,
          ...(asks ? { ms: pick([0, 2000, 120_000, 7_200_000]) } : {}),
        };
      }
      case 'end-lost':
        return { ...base, nth: 1 + below(2) };
      case 'end-twice':
      case 'end-late':
        return { ...base, nth: 1 + below(2), ms: below(random() < 0.5 ? 2000 : 4000_000) };
      case 'crash-in-between':
        return { ...base, nth: 1 + below(2), ms: below(random() < 0.8 ? 400 : 12_000) };
      case 'frozen':
        return { ...base, nth: 1 + below(2), atMs: below(400), ms: 1000 * (1 + below(20)) };
      case 'outlives':
        // Some until the message has come again, which is six timeouts later.
        return { ...base, nth: 1 + below(2), atMs: below(400), ms: 1000 * (1 + below(pick([45, 300]))) };
      case 'throttled':
      case 'server-error':
      case 'answer-lost':
        return { ...base, ...late, times: pick([1, 1, 2, 3, 4, 7]) };
      case 'no-answer':
        return { ...base, ...late, times: pick([1, 2, 3]), moment: pick(['before', 'after'] as const) };
      case 'slow-answer':
        return { ...base, ms: below(4900) };
      case 'arrives-late':
        // Its sender has given it up, and perhaps the whole attempt.
        return { ...base, ...late, times: pick([1, 4, 8]), ms: 1000 * (5 + below(pick([30, 300]))) };
      case 'handler-throws':
        return { ...base, nth: 1, times: pick([1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4, 9]) };
      case 'handler-no-sooner':
        return {
          ...base,
          nth: 1 + below(2),
          times: pick([1, 1, 2]),
          ms: pick([2000, 30_000, 700_000, 5_000_000, LONGEST_ASKED_MS]),
        };
      case 'handler-defers':
        return {
          ...base,
          nth: 1 + below(2),
          times: pick([1, 1, 2, 6]),
          ms: pick([1000, 20_000, 300_000, 2_000_000]),
        };
      case 'answer-malformed':
        return { ...base, nth: 1 + below(2), times: pick([1, 1, 2]), ms: below(4) };
      case 'invocation-lost':
        return { ...base, nth: 1 + below(2), times: pick([1, 3, 9, 11]) };
      case 'send-refused':
      case 'send-answer-lost':
        return { ...base, nth: 1, times: pick([1, 3, 4]) };
      case 'provider-slow':
        return { ...base, nth: 1, ms: below(60_000) };
      case 'handler-slow':
        return { ...base, nth: 1 + below(2), ms: below(14_000) };
      case 'provider-hangs':
        return { ...base, nth: 1 + below(2), moment: pick(['before', 'after'] as const) };
      case 'publish-answer-lost':
      case 'publish-refused':
        return { ...base, nth: 1, times: pick([1, 2, 4]) };
      case 'conflict':
        return { ...base, nth: 1, times: pick([1, 2, 7]) };
      default:
        return { ...base, nth: 1 + below(2) };
    }
  }

  function worldFaults(): Fault[] {
    const at = (): number => below(TROUBLED_MS);
    const some = (most: number, make: () => Fault): Fault[] => Array.from({ length: below(most + 1) }, make);
    const environments = 4 + Math.ceil(jobs / 50);
    return [
      ...some(2 + jobs / 500, () => ({ kind: 'poison', atMs: at(), nth: below(100) })),
      ...some(2, () => ({ kind: 'records-outage', atMs: at(), ms: 1000 * (5 + below(120)) })),
      ...some(1, () => ({ kind: 'provider-outage', atMs: at(), ms: 1000 * (5 + below(90)) })),
      ...some(3, () => ({
        kind: 'mapping-throttled',
        job: pick(TYPES),
        atMs: at(),
        ms: 1000 * (5 + below(400)),
      })),
      ...some(2, () => ({
        kind: 'mapping-paused',
        job: pick(TYPES),
        atMs: at(),
        ms: 1000 * (10 + below(300)),
      })),
      ...some(3, () => ({ kind: 'console-view', job: pick(TYPES), atMs: at(), ms: 1000 * (1 + below(30)) })),
      ...some(1, () => ({
        kind: 'letters-refused',
        job: pick(TYPES),
        atMs: at(),
        ms: 1000 * (60 + below(1200)),
      })),
      ...some(1, () => ({ kind: 'in-flight-limit', nth: 12 + below(60) })),
      ...some(1, () => ({ kind: 'expiry-deletion', ms: pick([-MINUTE_MS, 2 * MINUTE_MS, 2 * DAY_MS]) })),
      ...some(1, () => ({ kind: 'deploy', atMs: at() })),
      ...some(environments, () => ({
        kind: 'clock-skew',
        environment: below(environments),
        ms: below(40_000) - 20_000,
      })),
      ...some(4, () => ({
        kind: 'clock-step',
        environment: below(environments),
        atMs: at(),
        ms: below(20_000) - 10_000,
      })),
      ...REDRIVES_MS.flatMap((redriveMs) => [
        { kind: 'redrive', atMs: redriveMs } as const,
        // Pressed twice.
        ...some(1, () => ({ kind: 'redrive', atMs: redriveMs + below(2000) })),
      ]),
    ];
  }
}
