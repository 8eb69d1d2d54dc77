import type { RestRoutes } from '../kernel/rest-json.ts';
import type { Identity, Standing } from './standing.ts';
import type { SuppressionReason } from './suppressions.ts';

/** The account and its identities, as the API describes them. */
export function accountRoutes(
  standing: Standing,
  suppressedReasons: readonly SuppressionReason[],
  sentLastDay: () => number,
): RestRoutes {
  return {
    'GET /v2/email/account': () => ({
      DedicatedIpAutoWarmupEnabled: false,
      EnforcementStatus: 'HEALTHY',
      ProductionAccessEnabled: true,
      SendingEnabled: true,
      // No limit is held against anybody here: -1 is the API's word for it, and the rate is beyond this machine's.
      SendQuota: { Max24HourSend: -1, MaxSendRate: 10_000, SentLast24Hours: sentLastDay() },
      SuppressionAttributes: { SuppressedReasons: suppressedReasons },
    }),
    // The API has moved its lists: current JavaScript SDKs ask the new way, boto3 and the AWS CLI the old one.
    'GET /v2/email/identities': () => listed(standing),
    'POST /v2/email/list-identities': () => listed(standing),
    'GET /v2/email/identities/*': ({ parameter }) => described(standing.identity(parameter)),
    'GET /v2/email/configuration-sets': () => listedSets(standing),
    'POST /v2/email/list-configuration-sets': () => listedSets(standing),
    'GET /v2/email/configuration-sets/*': ({ parameter }) => {
      const { name, sendingEnabled, suppressedReasons: own } = standing.configurationSet(parameter);
      return {
        ConfigurationSetName: name,
        SendingOptions: { SendingEnabled: sendingEnabled },
        ...(own && { SuppressionOptions: { SuppressedReasons: own } }),
      };
    },
  };
}

function listed(standing: Standing): object {
  return {
    EmailIdentities: [...standing.identities.values()].map(({ name }) => ({
      IdentityName: name,
      IdentityType: typeOf(name),
      SendingEnabled: true,
      VerificationStatus: 'SUCCESS',
    })),
  };
}

function listedSets(standing: Standing): object {
  return { ConfigurationSets: [...standing.configurationSets.keys()] };
}

function described({ name, configurationSet }: Identity): object {
  return {
    IdentityType: typeOf(name),
    VerifiedForSendingStatus: true,
    VerificationStatus: 'SUCCESS',
    FeedbackForwardingStatus: true,
    Policies: {},
    Tags: [],
    ...(configurationSet !== undefined && { ConfigurationSetName: configurationSet }),
  };
}

function typeOf(name: string): 'EMAIL_ADDRESS' | 'DOMAIN' {
  return name.includes('@') ? 'EMAIL_ADDRESS' : 'DOMAIN';
}
