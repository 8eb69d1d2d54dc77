import { handleJson } from '../kernel/json-protocol.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import { Alarms } from './alarms.ts';
import { Dashboards } from './dashboards.ts';
import { queryErrorHeader } from './errors.ts';
import { cloudWatchProviders } from './providers.ts';

/** Amazon CloudWatch: metrics, alarms and dashboards. */
export class CloudWatch implements Service {
  readonly signingName = 'monitoring';
  readonly alarms: Alarms;
  readonly dashboards: Dashboards;

  constructor(context: CloudContext) {
    this.alarms = new Alarms(context);
    this.dashboards = new Dashboards(context);
  }

  async handle(request: ServiceRequest): Promise<ServiceResponse> {
    return handleJson(request, { version: '1.0', operations: {}, errorHeaders: queryErrorHeader });
  }

  providers(): readonly ResourceProvider[] {
    return cloudWatchProviders(this.alarms, this.dashboards);
  }
}
