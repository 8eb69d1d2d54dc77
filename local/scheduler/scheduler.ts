import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext } from '../kernel/service.ts';
import { ScheduleGroups } from './groups.ts';
import { schedulerProviders } from './providers.ts';

/** Amazon EventBridge Scheduler. */
export class Scheduler {
  readonly groups: ScheduleGroups;

  constructor(context: CloudContext) {
    this.groups = new ScheduleGroups(context);
  }

  providers(): ResourceProvider[] {
    return schedulerProviders(this.groups);
  }
}
