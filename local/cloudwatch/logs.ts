import { handleJson } from '../kernel/json-protocol.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { LogGroups } from './log-groups.ts';

const LOG_GROUP = 'AWS::Logs::LogGroup';

/** Amazon CloudWatch Logs: what the functions write, as far back as each group's bounds reach. */
export class CloudWatchLogs implements Service {
  readonly signingName = 'logs';
  readonly #groups: LogGroups;

  constructor(context: CloudContext) {
    this.#groups = new LogGroups(context);
  }

  /** Makes group and stream where they are not there, as Lambda does. */
  append(logGroup: string, logStream: string, line: string, atMs: number): void {
    this.#groups.append(logGroup, logStream, line, atMs);
  }

  async handle(request: ServiceRequest): Promise<ServiceResponse> {
    return handleJson(request, { version: '1.1', operations: {} });
  }

  providers(): readonly ResourceProvider[] {
    return [
      {
        type: LOG_GROUP,
        provision: (properties, identity) => {
          checkProperties(
            LOG_GROUP,
            properties,
            identity,
            ['LogGroupName', 'RetentionInDays'],
            ['Tags', 'KmsKeyId'],
          );
          const name = String(properties.LogGroupName ?? identity.generatedName(512));
          const days = properties.RetentionInDays;
          const group = this.#groups.put(name, days === undefined ? undefined : Number(days));
          return { ref: name, attributes: { Arn: `${group.arn}:*` } };
        },
      },
    ];
  }
}
