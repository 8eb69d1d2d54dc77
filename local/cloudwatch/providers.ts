import { checkProperties } from '../kernel/properties.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import { readAlarm } from './alarm-definition.ts';
import type { Alarms } from './alarms.ts';
import type { Dashboards } from './dashboards.ts';

const ALARM = 'AWS::CloudWatch::Alarm';
const DASHBOARD = 'AWS::CloudWatch::Dashboard';

/** CloudFormation's `AWS::CloudWatch::Alarm` and `AWS::CloudWatch::Dashboard`. */
export function cloudWatchProviders(alarms: Alarms, dashboards: Dashboards): ResourceProvider[] {
  return [
    {
      type: ALARM,
      provision(properties, identity) {
        const name = properties.AlarmName ?? identity.generatedName(255);
        const { arn } = alarms.put(readAlarm({ ...properties, AlarmName: name }));
        return { ref: String(name), attributes: { Arn: arn } };
      },
      remove: (name) => alarms.delete([name]),
    },
    {
      type: DASHBOARD,
      provision(properties, identity) {
        checkProperties(DASHBOARD, properties, identity, ['DashboardName', 'DashboardBody']);
        const name = properties.DashboardName ?? identity.generatedName(255);
        const { arn } = dashboards.put(String(name), String(properties.DashboardBody));
        return { ref: String(name), attributes: { DashboardArn: arn } };
      },
      remove: (name) => dashboards.delete(dashboards.all().some((each) => each.name === name) ? [name] : []),
    },
  ];
}
