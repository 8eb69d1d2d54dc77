import { createHash } from 'node:crypto';
import { AwsError, LocalCloudError } from '../kernel/errors.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { Properties, ResourceIdentity } from '../kernel/resources.ts';

export const MAPPING_TYPE = 'AWS::Lambda::EventSourceMapping';

/** A mapping of a queue to a function, as it is deployed. */
export interface MappingConfiguration {
  readonly uuid: string;
  readonly functionName: string;
  readonly queueArn: string;
  readonly batchSize: number;
  readonly windowSeconds: number;
  readonly reportsItemFailures: boolean;
  readonly maximumConcurrency: number | undefined;
  readonly enabled: boolean;
}

const HONOURED = [
  'BatchSize',
  'Enabled',
  'EventSourceArn',
  'FunctionName',
  'FunctionResponseTypes',
  'MaximumBatchingWindowInSeconds',
  'ScalingConfig',
];
const INERT = ['KmsKeyArn', 'Tags'];

/** @throws LocalCloudError `UNKNOWN_PROPERTY`, `UNSUPPORTED_MAPPING`; AwsError `InvalidParameterValueException` */
export function mappingConfiguration(
  properties: Properties,
  identity: ResourceIdentity,
): MappingConfiguration {
  checkProperties(MAPPING_TYPE, properties, identity, HONOURED, INERT);
  const queueArn = String(properties.EventSourceArn);
  if (!queueArn.startsWith('arn:aws:sqs:') || queueArn.endsWith('.fifo'))
    throw new LocalCloudError(
      'UNSUPPORTED_MAPPING',
      `${identity.stackName}/${identity.logicalId} (${MAPPING_TYPE}) has the source ${queueArn}. The local cloud maps standard SQS queues.`,
    );
  const scaling = (properties.ScalingConfig ?? {}) as { MaximumConcurrency?: unknown };
  const types = (properties.FunctionResponseTypes ?? []) as readonly string[];
  return checked({
    uuid: uuidOf(`${identity.stackName}/${identity.logicalId}`),
    functionName: functionNameOf(String(properties.FunctionName)),
    queueArn,
    batchSize: Number(properties.BatchSize ?? 10),
    windowSeconds: Number(properties.MaximumBatchingWindowInSeconds ?? 0),
    reportsItemFailures: types.includes('ReportBatchItemFailures'),
    maximumConcurrency:
      scaling.MaximumConcurrency === undefined ? undefined : Number(scaling.MaximumConcurrency),
    enabled: String(properties.Enabled ?? true) === 'true',
  });
}

/** @throws AwsError `InvalidParameterValueException`, as Create- and UpdateEventSourceMapping answer */
export function checked(configuration: MappingConfiguration): MappingConfiguration {
  const { batchSize, windowSeconds, maximumConcurrency } = configuration;
  if (!within(batchSize, 1, 10_000)) throw invalid(`Batch size ${batchSize} is not between 1 and 10000.`);
  if (!within(windowSeconds, 0, 300))
    throw invalid(`Maximum batching window of ${windowSeconds} seconds is not between 0 and 300.`);
  if (batchSize > 10 && windowSeconds < 1)
    throw invalid(
      'Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10',
    );
  if (maximumConcurrency !== undefined && !within(maximumConcurrency, 2, 1_000))
    throw invalid(`MaximumConcurrency ${maximumConcurrency} is not between 2 and 1000.`);
  return configuration;
}

/** From a name, an ARN or a partial ARN (`account:function:name`), with or without a qualifier. */
export function functionNameOf(reference: string): string {
  return /(?:^|:)function:([^:]+)/.exec(reference)?.[1] ?? reference.split(':')[0] ?? reference;
}

export function invalid(message: string): AwsError {
  return new AwsError('InvalidParameterValueException', message, 400, { Type: 'User' });
}

export function within(value: number, minimum: number, maximum: number): boolean {
  return Number.isInteger(value) && value >= minimum && value <= maximum;
}

/** The same mapping has the same id at each deployment. */
function uuidOf(path: string): string {
  const hex = createHash('sha256').update(path).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}
