import { LocalCloudError } from '../kernel/errors.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import { GENERATE_OPTIONS, type GenerateOptions, generatedSecret } from './generate.ts';
import type { Secrets } from './secrets.ts';

const SECRET = 'AWS::SecretsManager::Secret';
/** AWS keeps them encrypted, and in one region unless asked; here they lie in the state's file. */
const INERT = ['KmsKeyId', 'ReplicaRegions', 'Tags', 'Type'];

export function secretsManagerProviders(secrets: Secrets, random: () => number): ResourceProvider[] {
  return [
    {
      type: SECRET,
      provision(properties, identity) {
        checkProperties(
          SECRET,
          properties,
          identity,
          ['Name', 'Description', 'SecretString', 'GenerateSecretString'],
          INERT,
        );
        const { SecretString, GenerateSecretString: generate } = properties;
        if ((SecretString === undefined) === (generate === undefined))
          throw new LocalCloudError(
            'INVALID_PROPERTY',
            `${identity.stackName}/${identity.logicalId} (${SECRET}) needs SecretString or GenerateSecretString, and not both.`,
          );
        const options = (generate ?? {}) as GenerateOptions;
        checkProperties(`${SECRET}, in GenerateSecretString`, { ...options }, identity, GENERATE_OPTIONS);
        const { arn } = secrets.deploy(
          (properties.Name as string | undefined) ?? identity.generatedName(64),
          String(properties.Description ?? ''),
          JSON.stringify([SecretString, generate]),
          () => ({
            SecretString:
              SecretString === undefined ? generatedSecret(options, random) : String(SecretString),
          }),
        );
        return { ref: arn, attributes: { Id: arn } };
      },
    },
  ];
}
