import { deliveriesTo } from '../../shared/client/deliveries.ts';
import {
  checkedRegistration,
  type EndpointKey,
  endpointsOf,
  findEndpoint,
  type Registration,
  registerEndpoint,
} from '../../shared/client/endpoints.ts';
import type { WebhookDelivery, WebhookEndpoint } from '../../shared/webhooks/endpoint.ts';
import { confirmed, duration, shown, time } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { type Command, type CommandContext, targetLine } from './command.ts';
import { allowsLoopback, change, disable, enable, remove, rotate, typesOf } from './endpoint-changes.ts';
import { keyOf, nameOf, stateOf } from './endpoint-lines.ts';
import { replay } from './endpoint-replay.ts';

interface Verb {
  /** Its own options. */
  readonly options: readonly string[];
  run(context: CommandContext, subject: string): Promise<number>;
}

const VERBS: Readonly<Record<string, Verb>> = {
  register: { options: ['yes', 'url', 'events', 'contact', 'id'], run: register },
  list: { options: ['all'], run: list },
  change: { options: ['yes', 'url', 'events', 'contact'], run: change },
  enable: { options: ['yes'], run: enable },
  disable: { options: ['yes', 'because'], run: disable },
  rotate: { options: ['yes', 'overlap'], run: rotate },
  replay: { options: ['yes', 'from'], run: replay },
  remove: { options: ['yes'], run: remove },
  deliveries: { options: ['all', 'event'], run: deliveries },
};

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
  const options = { ...context, allowLoopback: allowsLoopback() };
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
    eventTypes: typesOf(events),
    ...(contact === undefined ? {} : { contact }),
    ...(id === undefined ? {} : { endpointId: id }),
  };
}

async function list(context: CommandContext, tenant: string): Promise<number> {
  const { terminal, stage, now, all } = context;
  const found = await endpointsOf(tenant, context);
  if (found.length === 0) {
    terminal.print(
      `"${shown(tenant)}" has no endpoint in stage "${stage}": it has registered none, or its name is another.`,
    );
    return 1;
  }
  terminal.print(`${found.length} endpoints of "${shown(tenant)}" in stage "${stage}"`);
  for (const endpoint of found) for (const line of endpointLines(endpoint, now(), all)) terminal.print(line);
  return 0;
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

/** The rest of a URL may hold a secret. */
function hostOf(url: string): string {
  const { origin, pathname, search } = new URL(url);
  return pathname === '/' && search === '' ? origin : `${origin}/… (--all shows the rest)`;
}

async function deliveries(context: CommandContext, subject: string): Promise<number> {
  const { terminal, all, given } = context;
  const key = keyOf(subject);
  const { deliveries: told, found } = await deliveriesTo(key, {
    ...context,
    ...(given.event === undefined ? {} : { eventId: given.event }),
    most: all ? Number.POSITIVE_INFINITY : MOST_DELIVERIES,
  });
  // Of one that was removed there are deliveries; where there are none it may never have been there.
  if (found === 0) await findEndpoint(key, context);
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
