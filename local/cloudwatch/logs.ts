import { LocalCloudError } from '../kernel/errors.ts';
import { handleJson, type Operation } from '../kernel/json-protocol.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { LogGroups } from './log-groups.ts';
import { logOperations } from './log-operations.ts';

const LOG_GROUP = 'AWS::Logs::LogGroup';
const INERT = ['DataProtectionPolicy', 'KmsKeyId', 'LogGroupClass', 'Tags'];

/** Amazon CloudWatch Logs: what functions write, to be read; nothing else writes here. In memory, within bounds a group. */
export class CloudWatchLogs implements Service {
  readonly signingName = 'logs';
  readonly groups: LogGroups;
  readonly #operations: Readonly<Record<string, Operation>>;

  constructor(context: CloudContext) {
    this.groups = new LogGroups(context);
    this.#operations = logOperations(this.groups);
  }

  /** Makes the group where it is not there, as Lambda does. */
  append(logGroup: string, logStream: string, line: string, atMs: number): void {
    this.groups.append(logGroup, logStream, line, atMs);
  }

  handle(request: ServiceRequest): Promise<ServiceResponse> {
    return handleJson(request, { version: '1.1', operations: this.#operations });
  }

  providers(): readonly ResourceProvider[] {
    return [
      {
        type: LOG_GROUP,
        provision: (properties, identity) => {
          checkProperties(LOG_GROUP, properties, identity, ['LogGroupName', 'RetentionInDays'], INERT);
          const name = String(properties.LogGroupName ?? identity.generatedName(512));
          const { RetentionInDays } = properties;
          const days = RetentionInDays === undefined ? undefined : Number(RetentionInDays);
          if (days !== undefined && !(days > 0))
            throw new LocalCloudError(
              'INVALID_PROPERTY',
              `${identity.stackName}/${identity.logicalId} (${LOG_GROUP}) has the RetentionInDays ${JSON.stringify(RetentionInDays)}, which is no number of days.`,
            );
          return { ref: name, attributes: { Arn: `${this.groups.put(name, days).arn}:*` } };
        },
      },
    ];
  }
}
