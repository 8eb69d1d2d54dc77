export { CloudWatch } from './cloudwatch.ts';
export { CloudWatchLogs } from './logs.ts';
