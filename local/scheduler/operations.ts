import type { RestRoutes } from '../kernel/rest-json.ts';
import { validation } from './errors.ts';
import { DEFAULT_GROUP, type ScheduleGroup, type ScheduleGroups } from './groups.ts';
import { only } from './input.ts';
import type { Schedule, Schedules } from './schedules.ts';

const PAGE_LIMIT = 100;

/** What the API asks of schedules and groups, but for making schedules. */
export function schedulerRoutes(
  schedules: Schedules,
  groups: ScheduleGroups,
  changed: () => void,
): RestRoutes {
  return {
    'GET /schedules/*': ({ parameter, query }) => described(schedules.get(groupIn(query), parameter)),
    'DELETE /schedules/*': ({ parameter, query }) => {
      schedules.delete(groupIn(query), parameter);
      changed();
    },
    'GET /schedules': ({ query }) => {
      const limit = limitIn(query);
      const found = schedules.list({
        group: query.get('ScheduleGroup') ?? undefined,
        namePrefix: query.get('NamePrefix') ?? '',
        state: query.get('State') ?? undefined,
        after: query.get('NextToken') ?? '',
        limit: limit + 1,
      });
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return {
        Schedules: page.map(summarized),
        ...(found.length > limit && last && { NextToken: `${last.group}/${last.name}` }),
      };
    },
    'POST /schedule-groups/*': ({ parameter, input }) => {
      only(input, 'CreateScheduleGroup', ['ClientToken', 'Tags']);
      return { ScheduleGroupArn: groups.create(parameter).arn };
    },
    'GET /schedule-groups/*': ({ parameter }) => describedGroup(groups.get(parameter)),
    'GET /schedule-groups': ({ query }) => {
      const limit = limitIn(query);
      const after = query.get('NextToken') ?? '';
      const prefix = query.get('NamePrefix') ?? '';
      const found = groups.all().filter(({ name }) => name > after && name.startsWith(prefix));
      return {
        ScheduleGroups: found.slice(0, limit).map(describedGroup),
        ...(found.length > limit && { NextToken: found[limit - 1]?.name }),
      };
    },
  };
}

function groupIn(query: URLSearchParams): string {
  return query.get('groupName') ?? DEFAULT_GROUP;
}

function limitIn(query: URLSearchParams): number {
  const limit = Number(query.get('MaxResults') ?? PAGE_LIMIT);
  if (Number.isInteger(limit) && limit >= 1 && limit <= PAGE_LIMIT) return limit;
  throw validation(`MaxResults is ${query.get('MaxResults')}; give a whole number from 1 to ${PAGE_LIMIT}.`);
}

function described({ arn, group, name, definition, createdMs }: Schedule): object {
  return {
    Arn: arn,
    GroupName: group,
    Name: name,
    ...definition,
    CreationDate: createdMs / 1000,
    LastModificationDate: createdMs / 1000,
  };
}

function summarized({ arn, group, name, definition, createdMs }: Schedule): object {
  return {
    Arn: arn,
    GroupName: group,
    Name: name,
    State: definition.State,
    Target: { Arn: definition.Target.Arn },
    CreationDate: createdMs / 1000,
    LastModificationDate: createdMs / 1000,
  };
}

function describedGroup({ arn, name, createdMs }: ScheduleGroup): object {
  return {
    Arn: arn,
    Name: name,
    State: 'ACTIVE',
    CreationDate: createdMs / 1000,
    LastModificationDate: createdMs / 1000,
  };
}
