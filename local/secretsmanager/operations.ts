import type { Operation } from '../kernel/json-protocol.ts';
import { invalidParameter, notFound } from './errors.ts';
import { CURRENT, type Secrets, type SecretValue } from './secrets.ts';

/** An operation's input, with every member that it knows. */
type Input = Readonly<Record<string, unknown>>;

export function secretOperations(secrets: Secrets): Readonly<Record<string, Operation>> {
  return {
    GetSecretValue(input: Input) {
      refuseUnknown(input, ['SecretId', 'VersionId', 'VersionStage']);
      const { arn, name } = secrets.get(secretId(input));
      const { VersionId, VersionStage = VersionId === undefined ? CURRENT : undefined } = input;
      const version = secrets
        .versions(name)
        .find(
          ({ versionId, stages }) =>
            (VersionId === undefined || versionId === VersionId) &&
            (VersionStage === undefined || stages.includes(String(VersionStage))),
        );
      if (!version)
        throw notFound(
          VersionStage === undefined
            ? `the specified secret value for VersionId: ${VersionId}`
            : `the specified secret value for staging label: ${VersionStage}`,
        );
      return {
        ARN: arn,
        Name: name,
        VersionId: version.versionId,
        VersionStages: version.stages,
        CreatedDate: version.createdAtMs / 1000,
        ...version.value,
      };
    },

    PutSecretValue(input: Input) {
      refuseUnknown(input, [
        'SecretId',
        'ClientRequestToken',
        'SecretString',
        'SecretBinary',
        'VersionStages',
      ]);
      const { arn, name } = secrets.get(secretId(input));
      const { versionId, stages } = secrets.put(name, givenValue(input), {
        token: tokenOf(input),
        stages: input.VersionStages as readonly string[] | undefined,
      });
      return { ARN: arn, Name: name, VersionId: versionId, VersionStages: stages };
    },

    DescribeSecret(input: Input) {
      refuseUnknown(input, ['SecretId']);
      const { arn, name, description, createdAtMs, changedAtMs } = secrets.get(secretId(input));
      const labelled = secrets.versions(name).filter(({ stages }) => stages.length > 0);
      return {
        ARN: arn,
        Name: name,
        ...(description !== '' && { Description: description }),
        CreatedDate: createdAtMs / 1000,
        LastChangedDate: changedAtMs / 1000,
        VersionIdsToStages: Object.fromEntries(labelled.map(({ versionId, stages }) => [versionId, stages])),
      };
    },
  };
}

/** What is left out in silence would be taken for done. */
function refuseUnknown(input: Input, known: readonly string[]): void {
  for (const name of Object.keys(input))
    if (!known.includes(name)) throw invalidParameter(`The local cloud does not know the parameter ${name}.`);
}

function secretId({ SecretId }: Input): string {
  if (typeof SecretId !== 'string' || SecretId === '') throw invalidParameter('You must provide a SecretId.');
  return SecretId;
}

function givenValue({ SecretString, SecretBinary }: Input): SecretValue {
  if (typeof SecretString === 'string' && SecretBinary === undefined) return { SecretString };
  if (typeof SecretBinary === 'string' && SecretString === undefined) return { SecretBinary };
  throw invalidParameter('You must provide either SecretString or SecretBinary.');
}

function tokenOf({ ClientRequestToken: token }: Input): string {
  if (typeof token !== 'string' || token.length < 32 || token.length > 64)
    throw invalidParameter('ClientRequestToken must have 32 to 64 characters.');
  return token;
}
