import { domainOf } from './address.ts';
import { messageRejected, notFound } from './errors.ts';
import type { EventType } from './events.ts';
import type { SuppressionReason } from './suppressions.ts';

export interface Identity {
  /** A domain or an address. */
  readonly name: string;
  /** Used by mails that name none. */
  readonly configurationSet: string | undefined;
}

export interface ConfigurationSet {
  readonly name: string;
  readonly sendingEnabled: boolean;
  /** Whose mail is not sent on; the account's own setting when absent. */
  readonly suppressedReasons: readonly SuppressionReason[] | undefined;
}

/** Where the events of a configuration set's mails go. */
export interface EventDestination {
  readonly enabled: boolean;
  readonly eventTypes: ReadonlySet<string>;
  readonly topicArn: string | undefined;
}

/** What the template says of the account's standing with SES. It is read anew at each start, so it is kept nowhere else. */
export class Standing {
  readonly identities = new Map<string, Identity>();
  readonly configurationSets = new Map<string, ConfigurationSet>();
  /** By configuration set, then by name. */
  readonly eventDestinations = new Map<string, Map<string, EventDestination>>();
  readonly #region: string;

  constructor(region: string) {
    this.#region = region;
  }

  addIdentity(identity: Identity): void {
    this.identities.set(identity.name.toLowerCase(), identity);
  }

  /** @throws AwsError `NotFoundException` */
  identity(name: string): Identity {
    const identity = this.identities.get(name.toLowerCase());
    if (!identity) throw notFound(`Email identity ${name} does not exist.`);
    return identity;
  }

  /** @throws AwsError `NotFoundException` */
  configurationSet(name: string): ConfigurationSet {
    const found = this.configurationSets.get(name);
    if (!found) throw notFound(`Configuration set <${name}> does not exist.`);
    return found;
  }

  /** The topics that hear of such an event. */
  topicsOf(configurationSet: string, type: EventType): readonly string[] {
    return [...(this.eventDestinations.get(configurationSet)?.values() ?? [])].flatMap(
      ({ enabled, eventTypes, topicArn }) =>
        enabled && topicArn !== undefined && eventTypes.has(type) ? [topicArn] : [],
    );
  }

  /**
   * The identity that lets an address send: its own, or that of its domain or of a domain above.
   *
   * @throws AwsError `MessageRejected`
   */
  identityOf(address: string): Identity {
    const labels = domainOf(address).split('.');
    const names = [address.toLowerCase(), ...labels.map((_, index) => labels.slice(index).join('.'))];
    const identity = names.map((name) => this.identities.get(name)).find((found) => found !== undefined);
    if (identity) return identity;
    throw messageRejected(
      `Email address is not verified. The following identities failed the check in region ${this.#region.toUpperCase()}: ${address}`,
    );
  }
}
