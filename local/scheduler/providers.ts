import { checkProperties } from '../kernel/properties.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { ScheduleGroups } from './groups.ts';

const GROUP = 'AWS::Scheduler::ScheduleGroup';

export function schedulerProviders(groups: ScheduleGroups): ResourceProvider[] {
  return [
    {
      type: GROUP,
      provision(properties, identity) {
        checkProperties(GROUP, properties, identity, ['Name'], ['Tags']);
        const { name, arn, createdMs } = groups.put(
          (properties.Name as string | undefined) ?? identity.generatedName(64),
        );
        const date = new Date(createdMs).toISOString();
        return {
          ref: name,
          attributes: { Arn: arn, State: 'ACTIVE', CreationDate: date, LastModificationDate: date },
        };
      },
    },
  ];
}
