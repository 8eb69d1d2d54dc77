import { deliveriesTo } from '../../shared/client/deliveries.ts';
import {
  checkedRegistration,
  DEFAULT_OVERLAP_SECONDS,
  disableEndpoint,
  type EndpointKey,
  enableEndpoint,
  endpointsOf,
  findEndpoint,
  LONGEST_OVERLAP_SECONDS,
  type Registration,
  registerEndpoint,
  rotateEndpointSecret,
} from '../../shared/client/endpoints.ts';
import { ALLOW_LOOPBACK_VARIABLE } from '../../shared/jobs/environment.ts';
import type { WebhookDelivery, WebhookEndpoint } from '../../shared/webhooks/endpoint.ts';
import { confirmed, duration, shown, time } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { type Command, type CommandContext, targetLine } from './command.ts';
import { spanMs } from './span-option.ts';

interface Verb {
  /** Its own options. */
  readonly options: readonly string[];
  run(context: CommandContext, subject: string): Promise<number>;
}

const VERBS: Readonly<Record<string, Verb>> = {
  register: { options: ['yes', 'url', 'events', 'contact', 'id'], run: register },
  list: { options: ['all'], run: list },
  enable: { options: ['yes'], run: enable },
  disable: { options: ['yes', 'because'], run: disable },
  rotate: { options: ['yes', 'overlap'], run: rotate },
  deliveries: { options: ['all', 'event'], run: deliveries },
};

const DEFAULT_REASON = 'It was disabled by an operator.';
/** A screen. */
const MOST_DELIVERIES = 30;

export const endpointsCommand: Command = {
  takes: `${Object.keys(VERBS).join(', ')}, and TENANT or TENANT/ENDPOINT`,
  count: 2,
  options: [...new Set(Object.values(VERBS).flatMap(({ options }) => options))],
  async run(context, [name = '', subject = '']) {
    const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
    if (!verb)
      throw new UsageError(`"endpoints" knows ${Object.keys(VERBS).join(', ')}, not "${shown(name)}".`);
    const stray = Object.keys(context.given).find((option) => !verb.options.includes(option));
    if (stray) throw new UsageError(`"endpoints ${name}" has no option --${stray} (npx honest-jobs --help).`);
    return verb.run(context, subject);
  },
};

async function register(context: CommandContext, tenant: string): Promise<number> {
  const { terminal, given, yes } = context;
  const registration = registrationOf(tenant, given);
  const options = { ...context, allowLoopback: process.env[ALLOW_LOOPBACK_VARIABLE] === 'true' };
  // Looked at before anybody is asked, with its id, which the answer repeats.
  const checked = checkedRegistration(registration, options);
  terminal.print(await targetLine(context));
  terminal.print(
    `registers ${nameOf(checked)} at ${shown(checked.url)} for ${shown(checked.eventTypes.join(', '))}${
      checked.contact === undefined
        ? '; nobody hears when it is disabled (--contact)'
        : `; ${shown(checked.contact)} hears when it is disabled`
    }`,
  );
  if (!(await confirmed(terminal, yes))) return 1;
  const { secret } = await registerEndpoint({ ...registration, endpointId: checked.endpointId }, options);
  terminal.print(`Registered and enabled. Its signing secret, shown this once:\n\n  ${secret}\n`);
  return 0;
}

function registrationOf(tenant: string, { url, events, contact, id }: CommandContext['given']): Registration {
  if (url === undefined || events === undefined)
    throw new UsageError('"endpoints register" needs --url and --events (npx honest-jobs --help).');
  return {
    tenant,
    url,
    eventTypes: events.split(',').map((type) => type.trim()),
    ...(contact === undefined ? {} : { contact }),
    ...(id === undefined ? {} : { endpointId: id }),
  };
}

async function list(context: CommandContext, tenant: string): Promise<number> {
  const { terminal, stage, now, all } = context;
  const found = await endpointsOf(tenant, context);
  terminal.print(`${found.length} endpoints of "${shown(tenant)}" in stage "${stage}"`);
  for (const endpoint of found) for (const line of endpointLines(endpoint, now(), all)) terminal.print(line);
  return found.length === 0 ? 1 : 0;
}

function endpointLines(endpoint: WebhookEndpoint, nowMs: number, all: boolean): string[] {
  const { url, eventTypes, contact, secrets } = endpoint;
  const former = secrets.filter(({ untilMs }) => untilMs !== undefined && untilMs > nowMs);
  return [
    '',
    `  ${nameOf(endpoint)}: ${stateOf(endpoint, nowMs)}`,
    `    url      ${all ? shown(url) : hostOf(url)}`,
    `    events   ${shown(eventTypes.join(', '))}`,
    `    contact  ${contact === undefined ? 'nobody' : shown(contact)}`,
    ...former.map(({ untilMs = 0 }) => `    secret   a former one signs, too, until ${time(untilMs)}`),
  ];
}

function stateOf(
  { state, disabledAtMs, disabledBecause, failures = 0, failingSinceMs, pausedUntilMs }: WebhookEndpoint,
  nowMs: number,
): string {
  if (state === 'disabled')
    return `disabled${disabledAtMs === undefined ? '' : ` ${time(disabledAtMs)}`}${
      disabledBecause === undefined ? '' : `: ${shown(disabledBecause)}`
    }`;
  return [
    'enabled',
    ...(failures === 0
      ? []
      : [
          `${failures} failures one after the other${failingSinceMs === undefined ? '' : `, failing since ${time(failingSinceMs)}`}`,
        ]),
    ...(pausedUntilMs !== undefined && pausedUntilMs > nowMs ? [`paused until ${time(pausedUntilMs)}`] : []),
  ].join(', ');
}

/** The rest of a URL may hold a secret. */
function hostOf(url: string): string {
  const { origin, pathname, search } = new URL(url);
  return pathname === '/' && search === '' ? origin : `${origin}/… (--all shows the rest)`;
}

async function enable(context: CommandContext, subject: string): Promise<number> {
  const { terminal, yes, now } = context;
  const endpoint = await findEndpoint(keyOf(subject), context);
  terminal.print(await targetLine(context));
  terminal.print(`enables ${nameOf(endpoint)}, which is ${stateOf(endpoint, now())}`);
  if (!(await confirmed(terminal, yes))) return 1;
  await enableEndpoint(endpoint, context);
  terminal.print(
    'Enabled: new events go to it. Those that were refused meanwhile are dead letters (npx honest-jobs redrive deliver-webhook).',
  );
  return 0;
}

async function disable(context: CommandContext, subject: string): Promise<number> {
  const { terminal, yes, now, given } = context;
  const because = given.because ?? DEFAULT_REASON;
  const endpoint = await findEndpoint(keyOf(subject), context);
  terminal.print(await targetLine(context));
  terminal.print(
    `disables ${nameOf(endpoint)}, which is ${stateOf(endpoint, now())}; its owner reads: ${shown(because)}`,
  );
  if (!(await confirmed(terminal, yes))) return 1;
  await disableEndpoint(endpoint, because, context);
  terminal.print('Disabled: no new event goes to it, and deliveries that wait become dead letters.');
  return 0;
}

async function rotate(context: CommandContext, subject: string): Promise<number> {
  const { terminal, yes, given } = context;
  const overlapSeconds =
    given.overlap === undefined
      ? DEFAULT_OVERLAP_SECONDS
      : spanMs('overlap', given.overlap, 'for how long the former secret signs, too') / 1000;
  if (overlapSeconds > LONGEST_OVERLAP_SECONDS)
    throw new UsageError(`--overlap is longer than ${LONGEST_OVERLAP_SECONDS / 86_400} days.`);
  const endpoint = await findEndpoint(keyOf(subject), context);
  terminal.print(await targetLine(context));
  terminal.print(
    `gives ${nameOf(endpoint)} a new secret; the former one signs, too, for ${overlapSeconds} s more`,
  );
  if (!(await confirmed(terminal, yes))) return 1;
  const { secret, formerUntilMs } = await rotateEndpointSecret(endpoint, { ...context, overlapSeconds });
  terminal.print(
    `Rotated: what is sent is signed with both until ${time(formerUntilMs)}. The new secret, shown this once:\n\n  ${secret}\n`,
  );
  return 0;
}

async function deliveries(context: CommandContext, subject: string): Promise<number> {
  const { terminal, all, given } = context;
  const key = keyOf(subject);
  const { deliveries: told, found } = await deliveriesTo(key, {
    ...context,
    ...(given.event === undefined ? {} : { eventId: given.event }),
    most: all ? Number.POSITIVE_INFINITY : MOST_DELIVERIES,
  });
  const left = found - told.length;
  terminal.print(
    `${found} deliveries to ${nameOf(key)} in 30 days${left === 0 ? '' : `, the last ${told.length} (--all shows the others)`}`,
  );
  for (const line of told.flatMap((delivery) => deliveryLines(key, delivery, all))) terminal.print(line);
  return found === 0 ? 1 : 0;
}

function deliveryLines(
  { tenant }: EndpointKey,
  {
    endpointId,
    eventId,
    eventType,
    atMs,
    attempt,
    outcome,
    status,
    code,
    durationMs,
    answer,
  }: WebhookDelivery,
  all: boolean,
): string[] {
  const why = outcome === 'delivered' ? `${status ?? ''}` : `${code ?? status ?? ''}`;
  return [
    `  ${time(atMs)}  attempt ${attempt}: ${outcome}${why === '' ? '' : ` (${shown(why)})`} in ${duration(durationMs)}, ${shown(eventType)} ${shown(eventId)}`,
    ...(all && answer !== undefined && answer !== '' ? [`    answered: ${shown(answer, 1024)}`] : []),
    ...(all ? [`    job deliver-webhook#${tenant}/${endpointId}/${shown(eventId)}`] : []),
  ];
}

function nameOf({ tenant, endpointId }: EndpointKey): string {
  return shown(`${tenant}/${endpointId}`);
}

/** A tenant's id has no `/`. */
function keyOf(subject: string): EndpointKey {
  const cut = subject.indexOf('/');
  const [tenant, endpointId] = [subject.slice(0, cut), subject.slice(cut + 1)];
  if (cut < 1 || endpointId === '')
    throw new UsageError(
      `"${shown(subject)}" is no TENANT/ENDPOINT (npx honest-jobs endpoints list TENANT).`,
    );
  return { tenant, endpointId };
}
