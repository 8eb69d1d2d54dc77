import { AwsError } from '../kernel/errors.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import { handleRestJson, type RestRoutes } from '../kernel/rest-json.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import type { Sns } from '../sns/index.ts';
import { accountRoutes } from './account.ts';
import { type Behaviour, Unwell } from './behaviour.ts';
import { readDraft } from './draft.ts';
import { badRequest } from './errors.ts';
import { type EventPlan, EventQueue } from './event-queue.ts';
import { type Draft, recipientsOf, type SentMail } from './mail.ts';
import { Outbox } from './outbox.ts';
import { sesProviders } from './providers.ts';
import { Standing } from './standing.ts';
import { suppressionRoutes } from './suppression-routes.ts';
import { type SuppressionReason, Suppressions } from './suppressions.ts';
import { holdsTestVirus } from './test-virus.ts';

/** What a new account's list takes in. */
const ACCOUNT_SUPPRESSED_REASONS: readonly SuppressionReason[] = ['BOUNCE', 'COMPLAINT'];
const MAIL_LIMIT_BYTES = 40 * 1024 * 1024;

export interface SesOptions {
  /** Where event destinations' topics are. */
  readonly sns: Pick<Sns, 'publish'>;
}

/** Amazon SES, API version 2: takes mail as SES would, keeps it on this machine, and publishes what it would tell of it. */
export class Ses implements Service {
  readonly signingName = 'ses';
  readonly #context: CloudContext;
  readonly #standing: Standing;
  readonly #outbox: Outbox;
  readonly #events: EventQueue;
  readonly #suppressions: Suppressions;
  readonly #unwell: Unwell;
  readonly #routes: RestRoutes;

  constructor(context: CloudContext, { sns }: SesOptions) {
    this.#context = context;
    this.#standing = new Standing(context.region);
    this.#events = new EventQueue(context, this.#standing, sns);
    this.#outbox = new Outbox(context.store);
    this.#suppressions = new Suppressions(context.store);
    this.#unwell = new Unwell(context.clock);
    this.#routes = {
      'POST /v2/email/outbound-emails': ({ input, signal }) => this.#sendEmail(readDraft(input), signal),
      ...accountRoutes(this.#standing, ACCOUNT_SUPPRESSED_REASONS, () => this.#sentLastDay()),
      ...suppressionRoutes(this.#suppressions, () => context.clock.now()),
    };
  }

  handle(request: ServiceRequest): Promise<ServiceResponse> {
    return handleRestJson(request, 'SES', this.#routes);
  }

  start(): void {
    this.#events.start();
  }

  async stop(): Promise<void> {
    this.#unwell.stop();
    this.#events.stop();
  }

  providers(): ResourceProvider[] {
    return sesProviders(this.#standing);
  }

  /** Every mail that was taken, in order, those of earlier runs in the same folder too. */
  sent(): SentMail[] {
    return this.#outbox.all();
  }

  /** Makes the provider slow, refusing, silent or forgetful from the next mail on; `undefined` makes it well. */
  setBehaviour(behaviour: Behaviour | undefined): void {
    this.#unwell.current = behaviour;
  }

  /** Loses, delays and repeats the events of the mails that are taken from now on; `undefined` lets all arrive once and soon. */
  setEventPlan(plan: EventPlan | undefined): void {
    this.#events.plan = plan;
  }

  /** An event is due and about to be published. */
  get busy(): boolean {
    return this.#events.busy;
  }

  /** When the next event is published (cloud time, ms); `undefined` when none is on its way. */
  get nextEventMs(): number | undefined {
    return this.#events.nextMs;
  }

  /** Mails that a slow or silent provider has received and not answered. */
  get waiting(): number {
    return this.#unwell.waiting;
  }

  async #sendEmail(
    draft: Draft & { readonly senders: readonly string[] },
    signal: AbortSignal,
  ): Promise<{ MessageId: string }> {
    const [identity] = draft.senders.map((sender) => this.#standing.identityOf(sender));
    const name = draft.configurationSet ?? identity?.configurationSet;
    const set = name === undefined ? undefined : this.#standing.configurationSet(name);
    if (set?.sendingEnabled === false)
      throw new AwsError(
        'SendingPausedException',
        `Email sending is disabled for configuration set <${set.name}>.`,
      );
    const reasons = set?.suppressedReasons ?? ACCOUNT_SUPPRESSED_REASONS;
    return this.#unwell.around(
      recipientsOf(draft),
      () => ({ MessageId: this.#take({ ...draft, configurationSet: name }, reasons) }),
      signal,
    );
  }

  #take(draft: Draft, reasons: readonly SuppressionReason[]): string {
    const { to, cc, bcc, from, subject, tags, configurationSet } = draft;
    const atMs = Math.floor(this.#context.clock.now());
    const messageId = this.#newMessageId(atMs);
    const recipients = recipientsOf(draft);
    const suppressed = recipients.filter((address) => {
      const suppression = this.#suppressions.find(address);
      return suppression !== undefined && reasons.includes(suppression.reason);
    });
    const eml = draft.compose(messageId, atMs);
    if (eml.length > MAIL_LIMIT_BYTES)
      throw badRequest(`Message length is more than ${MAIL_LIMIT_BYTES} bytes long: '${eml.length}'.`);
    const rejected = holdsTestVirus(eml);
    const mail: SentMail = {
      messageId,
      to,
      cc,
      bcc,
      from,
      subject,
      atMs,
      tags,
      ...(configurationSet !== undefined && { configurationSet }),
      suppressed,
      ...(rejected && { rejected }),
    };
    const isSent = !rejected && suppressed.length < recipients.length;
    this.#outbox.add(mail, isSent ? eml : undefined, () => this.#events.add(mail));
    return messageId;
  }

  /** As SES forms them: the time, then chance. */
  #newMessageId(atMs: number): string {
    const chance = Array.from({ length: 4 }, () =>
      Math.floor(this.#context.random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    ).join('');
    const uuid = chance.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5');
    return `0100${atMs.toString(16).padStart(12, '0')}-${uuid}-000000`;
  }

  #sentLastDay(): number {
    const sinceMs = this.#context.clock.now() - 24 * 3600 * 1000;
    return this.#outbox.countSince(sinceMs);
  }
}
