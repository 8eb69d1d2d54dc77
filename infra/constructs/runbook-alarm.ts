import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Severity } from '../config.ts';

export interface RunbookAlarmProps {
  /** The physical name of what the alarm is about. */
  readonly subject: string;
  /** Also the anchor of its section in the runbook. */
  readonly name: string;
  readonly severity: Severity;
  /** What is the case when the alarm is on. */
  readonly says: string;
  /** The runbook's address or path, without the anchor. */
  readonly runbook: string;
  readonly metric: IMetric;
  /** The alarm is on at the threshold and above it. */
  readonly threshold: number;
  /** Periods at or above the threshold, of {@link outOf}. @default 1 */
  readonly periods?: number;
  /** The periods that are looked at. @default as many as `periods`: in a row */
  readonly outOf?: number;
  readonly topic: ITopic;
}

/** An alarm that says what is the case and where to read on, and that tells its end too. */
export class RunbookAlarm extends Alarm {
  constructor(scope: Construct, id: string, props: RunbookAlarmProps) {
    const { subject, name, severity, says, runbook, metric, threshold, periods = 1, outOf = periods } = props;
    super(scope, id, {
      // Spelled out: the name is all that most notifications show.
      alarmName: `${subject}-${name}-${severity}`,
      alarmDescription: `${subject}: ${says}. Runbook: ${runbook}#${name}`,
      metric,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: outOf,
      ...(outOf !== periods && { datapointsToAlarm: periods }),
      // An idle queue reports nothing, and that is well.
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    const action = new SnsAction(props.topic);
    this.addAlarmAction(action);
    // People want to hear the end of it, too.
    this.addOkAction(action);
  }
}
