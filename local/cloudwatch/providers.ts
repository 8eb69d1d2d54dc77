import { AwsError, LocalCloudError } from '../kernel/errors.ts';
import { checkProperties } from '../kernel/properties.ts';
import type { Provisioned, ResourceIdentity, ResourceProvider } from '../kernel/resources.ts';
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
      provision: (properties, identity) =>
        accepting(ALARM, identity, () => {
          const name = properties.AlarmName ?? identity.generatedName(255);
          const { arn } = alarms.put(readAlarm({ ...properties, AlarmName: name }));
          return { ref: String(name), attributes: { Arn: arn } };
        }),
    },
    {
      type: DASHBOARD,
      provision: (properties, identity) => {
        checkProperties(DASHBOARD, properties, identity, ['DashboardName', 'DashboardBody']);
        return accepting(DASHBOARD, identity, () => {
          const name = properties.DashboardName ?? identity.generatedName(255);
          const { arn } = dashboards.put(String(name), String(properties.DashboardBody));
          return { ref: String(name), attributes: { DashboardArn: arn } };
        });
      },
    },
  ];
}

/** What the service refuses, the deployment refuses, naming the resource. */
function accepting(type: string, identity: ResourceIdentity, provision: () => Provisioned): Provisioned {
  try {
    return provision();
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new LocalCloudError(
      'INVALID_PROPERTY',
      `${identity.stackName}/${identity.logicalId} (${type}) is refused: ${error.message}`,
      { cause: error },
    );
  }
}
