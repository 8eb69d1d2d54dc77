export type { Topics } from './alarm-actions.ts';
export type { AlarmState } from './alarm-judgement.ts';
export type { AlarmRecord, HistoryItem } from './alarm-store.ts';
export type { AlarmChange } from './alarms.ts';
export { CloudWatch, type CloudWatchOptions } from './cloudwatch.ts';
export type { LogGroup } from './log-groups.ts';
export type { LogEvent } from './log-ring.ts';
export { CloudWatchLogs } from './logs.ts';
export type { MetricDatum, MetricIdentity } from './metric-store.ts';
