import type { Operation } from '../kernel/json-protocol.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext, Service, ServiceRequest, ServiceResponse } from '../kernel/service.ts';
import type { Topics } from './alarm-actions.ts';
import { alarmOperations } from './alarm-operations.ts';
import { Alarms } from './alarms.ts';
import { dashboardOperations } from './dashboard-operations.ts';
import { Dashboards } from './dashboards.ts';
import { readEmbeddedMetrics } from './embedded-metrics.ts';
import { metricOperations } from './metric-operations.ts';
import { type MetricDatum, MetricStore } from './metric-store.ts';
import { Minutes } from './minutes.ts';
import { handleCloudWatch } from './protocol.ts';
import { cloudWatchProviders } from './providers.ts';
import { type Queues, SqsMetrics } from './sqs-metrics.ts';

export interface CloudWatchOptions {
  /** Whose queues are sampled into the namespace AWS/SQS. */
  readonly sqs?: Queues | undefined;
  /** Where alarms publish. Without it, their actions fail, and the alarm's history says so. */
  readonly sns?: Topics | undefined;
}

/** Amazon CloudWatch: metrics in memory, and the alarms, dashboards and built-in metrics that live on them. */
export class CloudWatch implements Service {
  readonly signingName = 'monitoring';
  readonly metrics: MetricStore;
  readonly alarms: Alarms;
  readonly dashboards: Dashboards;
  readonly #minutes: Minutes;
  readonly #sqsMetrics: SqsMetrics | undefined;
  readonly #operations: Readonly<Record<string, Operation>>;

  constructor(context: CloudContext, { sqs, sns }: CloudWatchOptions = {}) {
    const { clock } = context;
    this.metrics = new MetricStore(clock);
    this.alarms = new Alarms(context, this.metrics, sns);
    this.dashboards = new Dashboards(context);
    this.#minutes = new Minutes(clock, (minuteMs) => this.#tick(minuteMs));
    const wake = () => this.#minutes.wake();
    this.#sqsMetrics = sqs && new SqsMetrics(sqs, (datum) => this.metrics.record(datum), wake);
    this.#operations = {
      ...metricOperations(this.metrics, clock, (datum) => this.record(datum)),
      ...alarmOperations(this.alarms, wake),
      ...dashboardOperations(this.dashboards),
    };
  }

  record(datum: MetricDatum): void {
    this.metrics.record(datum);
    this.#minutes.wake();
  }

  /**
   * Takes the metrics that a log line holds in the Embedded Metric Format. What CloudWatch would refuse is counted as
   * `EMFValidationErrors` in AWS/Logs, as CloudWatch counts it.
   *
   * @returns whether the line held metrics
   */
  recordEmf(line: string, atMs: number, logGroup = ''): boolean {
    const read = readEmbeddedMetrics(line);
    if (read.kind === 'metrics') for (const datum of read.data) this.record(datum);
    if (read.kind === 'invalid')
      this.record({
        namespace: 'AWS/Logs',
        metricName: 'EMFValidationErrors',
        dimensions: { LogGroupName: logGroup },
        value: 1,
        unit: 'Count',
        atMs,
      });
    return read.kind === 'metrics';
  }

  handle(request: ServiceRequest): Promise<ServiceResponse> {
    return handleCloudWatch(request, this.#operations);
  }

  providers(): readonly ResourceProvider[] {
    return cloudWatchProviders(this.alarms, this.dashboards);
  }

  start(): void {
    this.#minutes.start();
  }

  async stop(): Promise<void> {
    this.#minutes.stop();
    this.#sqsMetrics?.stop();
  }

  #tick(minuteMs: number): boolean {
    const sampling = this.#sqsMetrics?.sample(minuteMs) ?? false;
    const unsettled = this.alarms.evaluate(minuteMs);
    return sampling || unsettled;
  }
}
