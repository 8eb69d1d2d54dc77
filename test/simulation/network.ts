import type { ServiceResponse } from '../../local/kernel/service.ts';
import type { Call, Fate } from './cloud.ts';
import type { Fault, Site } from './faults.ts';
import { JOB_NAME } from './message-rules.ts';
import type { World } from './world.ts';

const USUAL_MS = { least: 2, spread: 10 };
const THROTTLED = {
  dynamodb: { status: 400, code: 'ThrottlingException' },
  sqs: { status: 400, code: 'RequestThrottled' },
  scheduler: { status: 429, code: 'ThrottlingException' },
  states: { status: 400, code: 'ThrottlingException' },
  s3: { status: 503, code: 'SlowDown' },
} as const;
const BROKEN = { status: 500, code: 'InternalServerError' } as const;

/** What befalls a call, by the world's plan. */
export function fateOf(call: Call, world: World): Fate {
  const { plan } = world;
  const travelMs: [number, number] = [
    USUAL_MS.least + world.random() * USUAL_MS.spread,
    USUAL_MS.least + world.random() * USUAL_MS.spread,
  ];
  let fate: Fate = { travelMs };
  for (const [site, job] of sitesOf(call, world))
    for (const fault of plan.at(site, job)) fate = together(fate, fateOfFault(fault, call, travelMs));
  if (call.service === 'dynamodb' && call.process && world.clock.now() < world.recordsDownUntilMs)
    fate = { ...fate, fails: { moment: 'before', ...(world.random() < 0.5 ? THROTTLED.dynamodb : BROKEN) } };
  return fate;
}

/** Of what befalls a call twice the later counts, but every change of its answer is made. */
function together(before: Fate, { answers, ...more }: Partial<Fate>): Fate {
  const { answers: former = unchanged } = before;
  return { ...before, ...more, ...(answers && { answers: (response) => answers(former(response)) }) };
}

function unchanged(response: ServiceResponse): ServiceResponse {
  return response;
}

/** Where plans can strike at this call, and for which jobs. */
function sitesOf(call: Call, world: World): (readonly [Site, string])[] {
  const { service, operation, process, body } = call;
  if (service === 'dynamodb') {
    if (!process) return [];
    const job = JOB_NAME.exec(body)?.[0];
    if (job === undefined) return [];
    return operation === 'TransactWriteItems'
      ? [
          ['records', job],
          ['transaction', job],
        ]
      : [['records', job]];
  }
  if (service === 'states' || service === 's3') {
    const job = process && world.jobOfCall(call);
    return job === undefined ? [] : [[service, job]];
  }
  if (operation === 'ChangeMessageVisibilityBatch')
    return ((process && world.invocations.get(process)?.jobs) ?? []).map((job) => ['visibility', job]);
  const site = process ? 'send' : 'publication';
  // A message names its job more than once, and is one call for it.
  return [...new Set(body.match(new RegExp(JOB_NAME, 'g')))].map((job) => [site, job]);
}

function fateOfFault(fault: Fault, call: Call, [thereMs, backMs]: readonly [number, number]): Partial<Fate> {
  const { kind, moment = 'after', ms = 0 } = fault;
  switch (kind) {
    case 'crash':
    case 'crash-around-send':
    case 'crash-around-states':
      return { dies: moment };
    case 'throttled':
      return { fails: { moment: 'before', ...THROTTLED[call.service] } };
    case 'server-error':
      return { fails: { moment: 'before', ...BROKEN } };
    case 'answer-lost':
    case 'send-answer-lost':
    case 'publish-answer-lost':
    case 'states-answer-lost':
    case 's3-answer-lost':
      return { fails: { moment: 'after', ...BROKEN } };
    case 'send-refused':
    case 'states-refused':
    case 's3-refused':
      return { fails: { moment: 'before', ...THROTTLED[call.service] } };
    case 'no-answer':
    case 'states-no-answer':
    case 's3-no-answer':
      return { silent: moment };
    case 'visibility-hangs':
      return { silent: 'before' };
    case 'slow-answer':
      return { travelMs: [thereMs, backMs + ms] };
    case 'arrives-late':
      return { travelMs: [thereMs + ms, backMs] };
    case 'conflict':
      return {
        fails: {
          moment: 'before',
          status: 400,
          code: 'TransactionCanceledException',
          details: { CancellationReasons: [{ Code: 'TransactionConflict' }, { Code: 'None' }] },
        },
      };
    case 'visibility-refused':
      return { fails: { moment: 'before', status: 400, code: 'AccessDenied' } };
    case 'publish-refused':
      return refuseEntry(call, fault.job ?? '');
    default:
      return {};
  }
}

/** Takes one message out of a batch, and says that it failed. */
function refuseEntry(call: Call, job: string): Partial<Fate> {
  const input = JSON.parse(call.body) as { Entries?: { Id: string; MessageBody: string }[] };
  const refused = input.Entries?.filter(({ MessageBody }) => MessageBody.includes(job)) ?? [];
  const left = input.Entries?.filter((entry) => !refused.includes(entry)) ?? [];
  // SQS takes no empty batch.
  if (left.length === 0) return { fails: { moment: 'before', ...THROTTLED.sqs } };
  call.body = JSON.stringify({ ...input, Entries: left });
  return {
    answers(response: ServiceResponse): ServiceResponse {
      const body = JSON.parse(String(response.body)) as { Failed?: object[] };
      const failed = refused.map(({ Id }) => ({
        Id,
        Code: 'InternalError',
        Message: 'Try again.',
        SenderFault: false,
      }));
      return { ...response, body: JSON.stringify({ ...body, Failed: [...(body.Failed ?? []), ...failed] }) };
    },
  };
}
