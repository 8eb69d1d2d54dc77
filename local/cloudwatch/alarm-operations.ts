import * as z from 'zod';
import type { Operation } from '../kernel/json-protocol.ts';
import { readAlarm } from './alarm-definition.ts';
import type { AlarmRecord } from './alarm-store.ts';
import type { Alarms } from './alarms.ts';
import { invalidCombination, readInput } from './errors.ts';
import { timestampMs } from './metric-schema.ts';
import { pageOf } from './pages.ts';

const state = z.enum(['OK', 'ALARM', 'INSUFFICIENT_DATA']);
const names = z.array(z.string().min(1).max(255)).max(100);
const maxRecords = z.int().min(1).max(100);

const describeAlarms = z.strictObject({
  AlarmNames: names.optional(),
  AlarmNamePrefix: z.string().min(1).optional(),
  AlarmTypes: z.array(z.enum(['MetricAlarm', 'CompositeAlarm'])).optional(),
  StateValue: state.optional(),
  ActionPrefix: z.string().min(1).optional(),
  MaxRecords: maxRecords.optional(),
  NextToken: z.string().optional(),
});

const describeAlarmHistory = z.strictObject({
  AlarmName: z.string().min(1).optional(),
  AlarmTypes: z.array(z.enum(['MetricAlarm', 'CompositeAlarm'])).optional(),
  HistoryItemType: z.enum(['ConfigurationUpdate', 'StateUpdate', 'Action']).optional(),
  StartDate: timestampMs.optional(),
  EndDate: timestampMs.optional(),
  ScanBy: z.enum(['TimestampDescending', 'TimestampAscending']).optional(),
  MaxRecords: maxRecords.optional(),
  NextToken: z.string().optional(),
});

const setAlarmState = z.strictObject({
  AlarmName: z.string().min(1).max(255),
  StateValue: state,
  StateReason: z.string().max(1023),
  StateReasonData: z.string().max(4000).optional(),
});

const byNames = z.strictObject({ AlarmNames: names });

/** @param changed called when an alarm must be looked at again */
export function alarmOperations(alarms: Alarms, changed: () => void): Readonly<Record<string, Operation>> {
  return {
    PutMetricAlarm(input) {
      alarms.put(readAlarm(input));
      changed();
    },

    DescribeAlarms(input) {
      const request = readInput(describeAlarms, input);
      const { AlarmNames, AlarmNamePrefix, AlarmTypes, StateValue, ActionPrefix, MaxRecords } = request;
      if (AlarmNames !== undefined && AlarmNamePrefix !== undefined)
        throw invalidCombination('AlarmNames and AlarmNamePrefix cannot be given together');
      const found = alarms
        .all()
        .filter(
          (alarm) =>
            (AlarmTypes === undefined || AlarmTypes.includes('MetricAlarm')) &&
            (AlarmNames === undefined || AlarmNames.includes(alarm.definition.AlarmName)) &&
            (AlarmNamePrefix === undefined || alarm.definition.AlarmName.startsWith(AlarmNamePrefix)) &&
            (StateValue === undefined || alarm.state === StateValue) &&
            (ActionPrefix === undefined || actions(alarm).some((arn) => arn.startsWith(ActionPrefix))),
        );
      const { page, next } = pageOf(found, request.NextToken, MaxRecords ?? 50);
      return { MetricAlarms: page.map(described), CompositeAlarms: [], NextToken: next };
    },

    DescribeAlarmHistory(input) {
      const request = readInput(describeAlarmHistory, input);
      const { StartDate = Number.NEGATIVE_INFINITY, EndDate = Number.POSITIVE_INFINITY } = request;
      const found = alarms
        .history()
        .filter(
          ({ alarmName, type, atMs }) =>
            (request.AlarmName === undefined || request.AlarmName === alarmName) &&
            (request.HistoryItemType === undefined || request.HistoryItemType === type) &&
            (request.AlarmTypes === undefined || request.AlarmTypes.includes('MetricAlarm')) &&
            atMs >= StartDate &&
            atMs <= EndDate,
        );
      const ordered = request.ScanBy === 'TimestampAscending' ? found.toReversed() : found;
      const { page, next } = pageOf(ordered, request.NextToken, request.MaxRecords ?? 100);
      return {
        AlarmHistoryItems: page.map(({ alarmName, atMs, type, summary, data }) => ({
          AlarmName: alarmName,
          AlarmType: 'MetricAlarm',
          Timestamp: new Date(atMs),
          HistoryItemType: type,
          HistorySummary: summary,
          HistoryData: data,
        })),
        NextToken: next,
      };
    },

    SetAlarmState(input) {
      const { AlarmName, StateValue, StateReason, StateReasonData } = readInput(setAlarmState, input);
      alarms.setState(AlarmName, StateValue, StateReason, StateReasonData);
      changed();
    },

    DeleteAlarms: (input) => alarms.delete(readInput(byNames, input).AlarmNames),

    EnableAlarmActions(input) {
      for (const name of readInput(byNames, input).AlarmNames) alarms.enableActions(name, true);
    },

    DisableAlarmActions(input) {
      for (const name of readInput(byNames, input).AlarmNames) alarms.enableActions(name, false);
    },
  };
}

function actions({ definition }: AlarmRecord): readonly string[] {
  return [...definition.AlarmActions, ...definition.OKActions, ...definition.InsufficientDataActions];
}

function described(alarm: AlarmRecord): object {
  const { Tags: _, ...definition } = alarm.definition;
  return {
    ...definition,
    AlarmArn: alarm.arn,
    AlarmConfigurationUpdatedTimestamp: new Date(alarm.configuredMs),
    Dimensions: definition.Dimensions ?? [],
    StateValue: alarm.state,
    StateReason: alarm.reason,
    StateReasonData: alarm.reasonData,
    StateUpdatedTimestamp: new Date(alarm.stateChangedMs),
    StateTransitionedTimestamp: new Date(alarm.stateChangedMs),
  };
}
