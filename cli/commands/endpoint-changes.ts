import {
  changeEndpoint,
  checkedChange,
  disableEndpoint,
  type EndpointChange,
  enableEndpoint,
  removeEndpoint,
} from '../../shared/client/endpoint-changes.ts';
import {
  DEFAULT_OVERLAP_SECONDS,
  findEndpoint,
  LONGEST_OVERLAP_SECONDS,
  rotateEndpointSecret,
} from '../../shared/client/endpoints.ts';
import { ALLOW_LOOPBACK_VARIABLE } from '../../shared/jobs/environment.ts';
import { confirmed, shown, time } from '../terminal.ts';
import { UsageError } from '../usage-error.ts';
import { type CommandContext, targetLine } from './command.ts';
import { keyOf, nameOf, stateOf } from './endpoint-lines.ts';
import { spanMs } from './span-option.ts';

const DEFAULT_REASON = 'It was disabled by an operator.';

/** `--contact none`: nobody hears. */
const NOBODY = 'none';

export function allowsLoopback(): boolean {
  return process.env[ALLOW_LOOPBACK_VARIABLE] === 'true';
}

export function typesOf(events: string): string[] {
  return events.split(',').map((type) => type.trim());
}

export async function change(context: CommandContext, subject: string): Promise<number> {
  const { terminal, yes, given, now } = context;
  const { url, events, contact } = given;
  if (url === undefined && events === undefined && contact === undefined)
    throw new UsageError('"endpoints change" needs --url, --events or --contact (npx honest-jobs --help).');
  const asked: EndpointChange = {
    ...(url === undefined ? {} : { url }),
    ...(events === undefined ? {} : { eventTypes: typesOf(events) }),
    ...(contact === undefined ? {} : { contact: contact === NOBODY ? null : contact }),
  };
  const options = { ...context, allowLoopback: allowsLoopback() };
  const before = await findEndpoint(keyOf(subject), context);
  const after = checkedChange(before, asked, options);
  terminal.print(await targetLine(context));
  terminal.print(`changes ${nameOf(before)}, which is ${stateOf(before, now())}`);
  const lines: readonly (readonly [string, string, string])[] = [
    ['url', before.url, after.url],
    ['events', before.eventTypes.join(', '), after.eventTypes.join(', ')],
    ['contact', before.contact ?? 'nobody', after.contact ?? 'nobody'],
  ];
  for (const [what, from, to] of lines)
    if (from !== to)
      terminal.print(`  ${what} from ${shown(from)}\n  ${' '.repeat(what.length)} to   ${shown(to)}`);
  if (!(await confirmed(terminal, yes))) return 1;
  await changeEndpoint(before, asked, options);
  terminal.print(
    before.state === 'disabled'
      ? `Changed, and disabled as before (npx honest-jobs endpoints enable ${nameOf(before)}).`
      : 'Changed: what is delivered from now on, and what waits, goes by it.',
  );
  return 0;
}

export async function enable(context: CommandContext, subject: string): Promise<number> {
  const { terminal, yes, now } = context;
  const endpoint = await findEndpoint(keyOf(subject), context);
  terminal.print(await targetLine(context));
  terminal.print(`enables ${nameOf(endpoint)}, which is ${stateOf(endpoint, now())}`);
  if (!(await confirmed(terminal, yes))) return 1;
  await enableEndpoint(endpoint, context);
  terminal.print(
    [
      'Enabled: new events go to it.',
      'Deliveries that were under way when it was disabled are dead letters (npx honest-jobs redrive deliver-webhook).',
      `Of events that were published since it has none (npx honest-jobs endpoints replay ${nameOf(endpoint)} --from FILE).`,
    ].join('\n'),
  );
  return 0;
}

export async function disable(context: CommandContext, subject: string): Promise<number> {
  const { terminal, yes, now, given } = context;
  const because = given.because ?? DEFAULT_REASON;
  const endpoint = await findEndpoint(keyOf(subject), context);
  terminal.print(await targetLine(context));
  terminal.print(
    `disables ${nameOf(endpoint)}, which is ${stateOf(endpoint, now())}; "endpoints list" and each refused delivery will say: ${shown(because)}`,
  );
  if (!(await confirmed(terminal, yes))) return 1;
  await disableEndpoint(endpoint, because, context);
  terminal.print(
    'Disabled: no new event goes to it, and deliveries that wait become dead letters. Its contact is not written to.',
  );
  return 0;
}

export async function rotate(context: CommandContext, subject: string): Promise<number> {
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
    `gives ${nameOf(endpoint)} a new secret; ${overlapSeconds === 0 ? 'no former one signs any more' : `the former one signs, too, for ${overlapSeconds} s more`}`,
  );
  if (!(await confirmed(terminal, yes))) return 1;
  const { secret, formerUntilMs } = await rotateEndpointSecret(endpoint, { ...context, overlapSeconds });
  terminal.print(
    `Rotated: what is sent is signed with ${overlapSeconds === 0 ? 'the new secret alone from now on' : `both until ${time(formerUntilMs)}`}. The new secret, shown this once:\n\n  ${secret}\n`,
  );
  return 0;
}

export async function remove(context: CommandContext, subject: string): Promise<number> {
  const { terminal, yes, now } = context;
  const endpoint = await findEndpoint(keyOf(subject), context);
  terminal.print(await targetLine(context));
  terminal.print(
    `removes ${nameOf(endpoint)}, which is ${stateOf(endpoint, now())}, with its secrets; they cannot be had again`,
  );
  if (!(await confirmed(terminal, yes))) return 1;
  await removeEndpoint(endpoint, context);
  terminal.print('Removed: no event goes to it, and deliveries that wait become dead letters.');
  return 0;
}
