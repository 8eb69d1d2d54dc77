import { createHash } from 'node:crypto';
import { LocalCloudError } from '../kernel/errors.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { Properties, ResourceIdentity } from '../kernel/resources.ts';
import type { CloudContext } from '../kernel/service.ts';
import { invalid } from './mapping-configuration.ts';

export const FUNCTION_TYPE = 'AWS::Lambda::Function';

const DEFAULT_TIMEOUT_SECONDS = 3;
const DEFAULT_MEMORY_MB = 128;

/** A function as it is deployed. */
export interface FunctionConfiguration {
  readonly name: string;
  readonly arn: string;
  readonly handler: string;
  readonly runtime: string;
  readonly architecture: string;
  readonly roleArn: string;
  readonly description: string;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  readonly environment: Readonly<Record<string, string>>;
  /** The folder that would be uploaded. */
  readonly codeDirectory: string;
  readonly codeSha256: string;
  readonly logging: LoggingConfiguration;
  readonly recursiveLoop: RecursiveLoop;
}

/** What Lambda does of a function that one chain of requests comes back to again and again. */
export type RecursiveLoop = 'Allow' | 'Terminate';

export interface LoggingConfiguration {
  readonly format: 'Text' | 'JSON';
  readonly group: string;
  readonly applicationLevel: string;
  readonly systemLevel: string;
}

const HONOURED = [
  'Architectures',
  'Code',
  'Description',
  'Environment',
  'FunctionName',
  'Handler',
  'LoggingConfig',
  'MemorySize',
  'PackageType',
  'RecursiveLoop',
  'ReservedConcurrentExecutions',
  'Role',
  'Runtime',
  'Timeout',
];
/** Encryption at rest, disk size, tracing and tags: nothing that a function sees differently here. */
const INERT = ['EphemeralStorage', 'KmsKeyArn', 'RuntimeManagementConfig', 'Tags', 'TracingConfig'];

/** @throws LocalCloudError `UNKNOWN_PROPERTY`, `UNKNOWN_ASSET`, `UNSUPPORTED_FUNCTION` */
export function functionConfiguration(
  properties: Properties,
  identity: ResourceIdentity,
  context: CloudContext,
): FunctionConfiguration {
  checkProperties(FUNCTION_TYPE, properties, identity, HONOURED, INERT);
  const name = optional<string>(properties.FunctionName) ?? identity.generatedName(64);
  const runtime = String(properties.Runtime);
  const key = optional<{ S3Key?: string }>(properties.Code)?.S3Key;
  if (!/^nodejs\d+\.x$/.test(runtime) || (properties.PackageType ?? 'Zip') !== 'Zip' || key === undefined)
    throw new LocalCloudError(
      'UNSUPPORTED_FUNCTION',
      `${identity.stackName}/${identity.logicalId} (${FUNCTION_TYPE}) has the runtime ${runtime} and its code ${key === undefined ? 'inline or in an image' : 'in an asset'}. The local cloud runs Node.js functions from file assets.`,
    );
  const variables =
    optional<{ Variables?: Record<string, unknown> }>(properties.Environment)?.Variables ?? {};
  return {
    name,
    arn: `arn:aws:lambda:${context.region}:${context.accountId}:function:${name}`,
    handler: String(properties.Handler),
    runtime,
    architecture: optional<readonly string[]>(properties.Architectures)?.[0] ?? 'x86_64',
    roleArn: String(properties.Role),
    description: optional<string>(properties.Description) ?? '',
    timeoutSeconds: Number(properties.Timeout ?? DEFAULT_TIMEOUT_SECONDS),
    memoryMb: Number(properties.MemorySize ?? DEFAULT_MEMORY_MB),
    environment: Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, String(value)])),
    codeDirectory: identity.assetDirectory(key),
    codeSha256: createHash('sha256').update(key).digest('base64'),
    logging: loggingConfiguration(properties.LoggingConfig as Properties | undefined, name, identity),
    recursiveLoop: recursiveLoop(properties.RecursiveLoop ?? 'Terminate'),
  };
}

/** @throws AwsError `InvalidParameterValueException` */
export function recursiveLoop(value: unknown): RecursiveLoop {
  if (value === 'Allow' || value === 'Terminate') return value;
  throw invalid(`RecursiveLoop ${JSON.stringify(value)} is neither Allow nor Terminate.`);
}

function loggingConfiguration(
  properties: Properties = {},
  name: string,
  identity: ResourceIdentity,
): LoggingConfiguration {
  checkProperties(`${FUNCTION_TYPE}/LoggingConfig`, properties, identity, [
    'ApplicationLogLevel',
    'LogFormat',
    'LogGroup',
    'SystemLogLevel',
  ]);
  return {
    format: properties.LogFormat === 'JSON' ? 'JSON' : 'Text',
    group: optional<string>(properties.LogGroup) ?? `/aws/lambda/${name}`,
    applicationLevel: optional<string>(properties.ApplicationLogLevel) ?? 'INFO',
    systemLevel: optional<string>(properties.SystemLogLevel) ?? 'INFO',
  };
}

function optional<Shape>(value: unknown): Shape | undefined {
  return value as Shape | undefined;
}
