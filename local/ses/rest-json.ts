import { handleRestJson as handle, type RestRoutes } from '../kernel/rest-json.ts';
import type { ServiceRequest, ServiceResponse } from '../kernel/service.ts';

export type Routes = RestRoutes;

export function handleRestJson(request: ServiceRequest, routes: Routes): Promise<ServiceResponse> {
  return handle(request, 'SES', routes);
}
