import * as z from 'zod';
import type { Operation } from '../kernel/json-protocol.ts';
import type { Dashboards } from './dashboards.ts';
import { readInput } from './errors.ts';
import { pageOf } from './pages.ts';

const putDashboard = z.strictObject({ DashboardName: z.string(), DashboardBody: z.string() });
const getDashboard = z.strictObject({ DashboardName: z.string() });
const deleteDashboards = z.strictObject({ DashboardNames: z.array(z.string()).min(1) });
const listDashboards = z.strictObject({
  DashboardNamePrefix: z.string().optional(),
  NextToken: z.string().optional(),
});

const LISTED_DASHBOARDS_PAGE = 1000;

export function dashboardOperations(dashboards: Dashboards): Readonly<Record<string, Operation>> {
  return {
    PutDashboard(input) {
      const { DashboardName, DashboardBody } = readInput(putDashboard, input);
      dashboards.put(DashboardName, DashboardBody);
      return { DashboardValidationMessages: [] };
    },

    GetDashboard(input) {
      const { arn, body, name } = dashboards.get(readInput(getDashboard, input).DashboardName);
      return { DashboardArn: arn, DashboardBody: body, DashboardName: name };
    },

    ListDashboards(input) {
      const { DashboardNamePrefix = '', NextToken } = readInput(listDashboards, input);
      const found = dashboards.all().filter(({ name }) => name.startsWith(DashboardNamePrefix));
      const { page, next } = pageOf(found, NextToken, LISTED_DASHBOARDS_PAGE);
      return {
        DashboardEntries: page.map(({ name, arn, body, modifiedMs }) => ({
          DashboardName: name,
          DashboardArn: arn,
          LastModified: new Date(modifiedMs),
          Size: Buffer.byteLength(body),
        })),
        NextToken: next,
      };
    },

    DeleteDashboards: (input) => dashboards.delete(readInput(deleteDashboards, input).DashboardNames),
  };
}
