import { LocalCloudError } from '../kernel/errors.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { Properties, ResourceProvider } from '../kernel/resources.ts';
import type { EventDestination, Standing } from './standing.ts';
import type { SuppressionReason } from './suppressions.ts';

const IDENTITY = 'AWS::SES::EmailIdentity';
const CONFIGURATION_SET = 'AWS::SES::ConfigurationSet';
const EVENT_DESTINATION = 'AWS::SES::ConfigurationSetEventDestination';

/** DKIM signing, bounce addresses, names for the bill: between AWS and the recipients' mail servers. */
const INERT_OF_IDENTITY = [
  'DkimAttributes',
  'DkimSigningAttributes',
  'FeedbackAttributes',
  'MailFromAttributes',
  'Tags',
];
const INERT_OF_CONFIGURATION_SET = [
  'ArchivingOptions',
  'DeliveryOptions',
  'ReputationOptions',
  'Tags',
  'TrackingOptions',
  'VdmOptions',
];

export function sesProviders(standing: Standing): ResourceProvider[] {
  return [
    {
      type: IDENTITY,
      provision(properties, identity) {
        checkProperties(
          IDENTITY,
          properties,
          identity,
          ['EmailIdentity', 'ConfigurationSetAttributes'],
          INERT_OF_IDENTITY,
        );
        const name = String(properties.EmailIdentity);
        const { ConfigurationSetName } = nested(properties, 'ConfigurationSetAttributes');
        standing.addIdentity({
          name,
          configurationSet: ConfigurationSetName === undefined ? undefined : String(ConfigurationSetName),
        });
        return { ref: name, attributes: dkimAttributes(name) };
      },
    },
    {
      type: CONFIGURATION_SET,
      provision(properties, identity) {
        checkProperties(
          CONFIGURATION_SET,
          properties,
          identity,
          ['Name', 'SendingOptions', 'SuppressionOptions'],
          INERT_OF_CONFIGURATION_SET,
        );
        const name = (properties.Name as string | undefined) ?? identity.generatedName(64);
        const { SendingEnabled } = nested(properties, 'SendingOptions');
        const { SuppressedReasons } = nested(properties, 'SuppressionOptions');
        standing.configurationSets.set(name, {
          name,
          sendingEnabled: String(SendingEnabled) !== 'false',
          suppressedReasons: SuppressedReasons as readonly SuppressionReason[] | undefined,
        });
        return { ref: name, attributes: {} };
      },
    },
    {
      type: EVENT_DESTINATION,
      provision(properties, identity) {
        checkProperties(EVENT_DESTINATION, properties, identity, [
          'ConfigurationSetName',
          'EventDestination',
        ]);
        const set = String(properties.ConfigurationSetName);
        if (!standing.configurationSets.has(set))
          throw new LocalCloudError(
            'UNKNOWN_REFERENCE',
            `${identity.stackName}/${identity.logicalId} (${EVENT_DESTINATION}) names the configuration set "${set}", which the template does not hold.`,
          );
        const input = nested(properties, 'EventDestination');
        checkProperties(`${EVENT_DESTINATION}/EventDestination`, input, identity, [
          'Enabled',
          'MatchingEventTypes',
          'Name',
          'SnsDestination',
        ]);
        const name = String(input.Name ?? identity.generatedName(64));
        const destinations = standing.eventDestinations.get(set) ?? new Map<string, EventDestination>();
        standing.eventDestinations.set(set, destinations.set(name, eventDestination(input)));
        const id = `${set}|${name}`;
        return { ref: id, attributes: { Id: id } };
      },
    },
  ];
}

function eventDestination(input: Properties): EventDestination {
  const { TopicARN } = nested(input, 'SnsDestination');
  return {
    enabled: String(input.Enabled ?? true) !== 'false',
    // `renderingFailure` in templates, `RENDERING_FAILURE` in the API.
    eventTypes: new Set(
      ((input.MatchingEventTypes ?? []) as readonly string[]).map((type) =>
        type.replaceAll(/([a-z])([A-Z])/g, '$1_$2').toUpperCase(),
      ),
    ),
    topicArn: TopicARN === undefined ? undefined : String(TopicARN),
  };
}

function nested(properties: Properties, name: string): Properties {
  return (properties[name] ?? {}) as Properties;
}

/** The three records that prove a domain; nobody looks them up here. */
function dkimAttributes(name: string): Record<string, string> {
  return Object.fromEntries(
    [1, 2, 3].flatMap((index) => [
      [`DkimDNSTokenName${index}`, `token${index}._domainkey.${name}`],
      [`DkimDNSTokenValue${index}`, `token${index}.dkim.amazonses.com`],
    ]),
  );
}
