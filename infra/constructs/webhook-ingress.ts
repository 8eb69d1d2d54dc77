import { fileURLToPath } from 'node:url';
import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import {
  Color,
  type IMetric,
  MathExpression,
  Metric,
  type MetricOptions,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { FunctionUrlAuthType } from 'aws-cdk-lib/aws-lambda';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { ENVIRONMENT } from '../../shared/jobs/environment.ts';
import { METRIC_DIMENSION, metricNamespace } from '../../shared/jobs/metrics.ts';
import { functionName, WEBHOOK_INGRESS } from '../../shared/jobs/names.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import {
  PROVIDER_DIMENSION,
  REASON_DIMENSION,
  type RefusalReason,
  WEBHOOK_METRICS,
} from '../../shared/webhooks/metrics.ts';
import { WEBHOOK_PROVIDERS } from '../../shared/webhooks/providers.ts';
import { AppFunction } from './app-function.ts';
import { FROM_ZERO, graph, rowTitle } from './job-dashboard-row.ts';
import { JobPlatform } from './job-platform.ts';
import type { JobQueue } from './job-queue.ts';
import { pascalCase } from './pascal-case.ts';
import { RunbookAlarm, type RunbookAlarmProps } from './runbook-alarm.ts';

export interface WebhookIngressProps {
  /** Gets the events that were received. */
  readonly queue: JobQueue;
  /** The signing secrets of every provider. */
  readonly secrets: readonly Pick<ISecret, 'secretArn'>[];
}

const ENTRY = fileURLToPath(new URL('../../functions/webhook-ingress/handler.ts', import.meta.url));
const FIVE_MINUTES = { statistic: Stats.SUM, period: Duration.minutes(5) };

/**
 * Where others send their webhooks: a function with a URL that anybody may call, since only the provider's signature tells who calls. The
 * function may read the signing secrets and send to one queue. It needs a {@link JobPlatform} in a scope around it.
 */
export class WebhookIngress extends Construct {
  readonly #name: string;
  readonly #platform: JobPlatform;

  constructor(scope: Construct, id: string, { queue, secrets }: WebhookIngressProps) {
    super(scope, id);
    this.#platform = JobPlatform.of(this);
    const { settings } = this.#platform;
    this.#name = functionName(settings.stage, WEBHOOK_INGRESS);
    const receiver = new AppFunction(this, 'Receiver', {
      settings,
      functionName: this.#name,
      description: 'Receives the webhooks of others and queues their events',
      entry: ENTRY,
      memoryMegabytes: 512,
      timeoutSeconds: 30,
      service: WEBHOOK_INGRESS,
      environment: { [ENVIRONMENT.stage]: settings.stage },
      options: {
        // It bounds the rate: a URL takes ten times as many requests a second, and answers 429 to the others.
        // https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-throttling
        ...(settings.webhookConcurrency !== undefined && {
          reservedConcurrentExecutions: settings.webhookConcurrency,
        }),
      },
    });
    queue.grantPublish(receiver);
    receiver.addToRolePolicy(
      new PolicyStatement({
        actions: ['secretsmanager:GetSecretValue'],
        resources: secrets.map(({ secretArn }) => secretArn),
      }),
    );
    const { url } = receiver.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
    // Of the stack, so that its name is one to type.
    new CfnOutput(Stack.of(this), 'WebhookUrl', { value: url });
    this.#alarms();
    this.#row();
  }

  /** From the request to the queue; what becomes of the events there is in the row of their job type. */
  #row(): void {
    const { dashboard } = this.#platform;
    dashboard.addWidgets(rowTitle(WEBHOOK_INGRESS, 'Events that were received go to process-webhook.'));
    dashboard.addWidgets(
      graph('Requests', FROM_ZERO, [
        this.#ofFunction('UrlRequestCount', { label: 'all' }),
        this.#ofFunction('Url4xxCount', { label: '4xx' }),
        this.#ofFunction('Url5xxCount', { label: '5xx', color: Color.RED }),
      ]),
      graph('Webhooks', FROM_ZERO, [
        this.#own(WEBHOOK_METRICS.received).with({ label: 'received' }),
        ...(['signature', 'timestamp', 'headers', 'body'] as const).map((reason) =>
          this.#refused(reason).with({ label: `refused: ${reason}` }),
        ),
      ]),
      graph('Latency', { ...FROM_ZERO, label: 'ms' }, [
        this.#ofFunction('UrlRequestLatency', { statistic: Stats.p(95), label: 'p95' }),
        this.#ofFunction('UrlRequestLatency', { statistic: Stats.MAXIMUM, label: 'longest' }),
      ]),
      // The other way: counted by who delivers to them.
      graph('Endpoints disabled', FROM_ZERO, [
        this.#own(WEBHOOK_METRICS.endpointsDisabled, { [METRIC_DIMENSION]: JOBS.deliverWebhook.type }),
      ]),
      graph('Rate', FROM_ZERO, [
        this.#ofFunction('ConcurrentExecutions', { statistic: Stats.MAXIMUM, label: 'at a time' }),
        this.#ofFunction('Throttles', { label: 'throttled', color: Color.RED }),
      ]),
    );
  }

  #alarms(): void {
    this.#alarm('Errors', {
      name: 'webhook-errors',
      severity: 'warning',
      says: 'webhooks could not be taken, and their providers try again for as long as they care to',
      metric: this.#ofFunction('Url5xxCount'),
      threshold: 1,
    });
    this.#alarm('Signatures', {
      name: 'webhook-signatures',
      severity: 'warning',
      says: 'ten or more webhooks in five minutes had a signature that does not fit',
      metric: this.#refused('signature'),
      threshold: 10,
    });
    for (const { name } of WEBHOOK_PROVIDERS) this.#alarmOfProvider(name);
    this.#alarm('Throttles', {
      name: 'webhook-throttles',
      severity: 'warning',
      says: 'webhooks came faster than the stage takes them, and were answered 429',
      metric: this.#ofFunction('Throttles'),
      threshold: 1,
    });
  }

  /** Of one that has little to say, ten in five minutes never come. */
  #alarmOfProvider(name: string): void {
    const ofProvider = { [PROVIDER_DIMENSION]: name };
    this.#alarm(`NoneFits-${pascalCase(name)}`, {
      subject: `${this.#name}-${name}`,
      name: 'no-signature-fits',
      severity: 'warning',
      says: `each webhook of ${name} within an hour had a signature that does not fit`,
      metric: new MathExpression({
        expression: 'IF(FILL(received, 0) < 1, FILL(refused, 0), 0)',
        usingMetrics: {
          received: this.#own(WEBHOOK_METRICS.received, ofProvider),
          refused: this.#own(WEBHOOK_METRICS.refused, ofProvider),
        },
        label: `signatures of ${name} that do not fit, where none does`,
        period: Duration.hours(1),
      }),
      threshold: 1,
    });
  }

  #alarm(
    id: string,
    rule: Omit<RunbookAlarmProps, 'subject' | 'runbook' | 'topic'> & Partial<RunbookAlarmProps>,
  ): void {
    const { settings, alarmTopic } = this.#platform;
    new RunbookAlarm(this, id, {
      subject: this.#name,
      ...rule,
      runbook: settings.runbook,
      topic: alarmTopic,
    });
  }

  /** https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html */
  #ofFunction(metricName: string, options: MetricOptions = {}): IMetric {
    return new Metric({
      namespace: 'AWS/Lambda',
      metricName,
      dimensionsMap: { FunctionName: this.#name },
      ...FIVE_MINUTES,
      ...options,
    });
  }

  #refused(reason: RefusalReason): Metric {
    return this.#own(WEBHOOK_METRICS.refused, { [REASON_DIMENSION]: reason });
  }

  #own(metricName: string, dimensions: Readonly<Record<string, string>> = {}): Metric {
    return new Metric({
      namespace: metricNamespace(this.#platform.settings.stage),
      metricName,
      dimensionsMap: { [METRIC_DIMENSION]: WEBHOOK_INGRESS, ...dimensions },
      ...FIVE_MINUTES,
    });
  }
}
