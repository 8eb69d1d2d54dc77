import type { SFNClient } from '@aws-sdk/client-sfn';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Ses } from '../../local/ses/index.ts';
import type { Charge } from '../../samples/card-provider/book.ts';
import { type DeadLetter, peekDeadLetters } from '../../shared/client/dead-letters.ts';
import { JobLookup } from '../../shared/client/job-lookup.ts';
import type { TableSubject } from '../../shared/jobs/names.ts';
import type { JobRecord } from '../../shared/jobs/record.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import { type Objects, reportFiles } from '../report-files.ts';
import type { WebhookWorld } from '../webhooks.ts';
import { type ResumedJob, resumedJobs } from './stage-runs.ts';
import { tableRows } from './table-rows.ts';
import { type WebhookEvidence, webhookEvidence } from './webhook-evidence.ts';

/** Everything that a run left behind, read back through the same interfaces that other programs have. */
export interface Evidence {
  /** By `<type>#<key>`. */
  readonly records: ReadonlyMap<string, JobRecord>;
  /** By job type. */
  readonly deadLetters: ReadonlyMap<string, readonly DeadLetter[]>;
  /** Staged jobs that failed and went on, with the runs of their stages. */
  readonly resumed: readonly ResumedJob[];
  readonly accounts: readonly AccountRow[];
  readonly payments: readonly PaymentRow[];
  readonly charges: readonly ChargeRow[];
  readonly orders: readonly OrderRow[];
  readonly stock: readonly StockRow[];
  readonly reports: readonly ReportRow[];
  /** What lies in the reports' folders of the bucket, by key. */
  readonly reportFiles: ReadonlyMap<string, Uint8Array>;
  readonly mails: readonly { readonly notification: string; readonly to: string }[];
  /** What the card provider says that it did. */
  readonly providerCharges: readonly ProviderCharge[];
  /** Absent where nobody sent any and nobody was to be sent any. */
  readonly webhooks?: WebhookEvidence;
}

export interface AccountRow {
  readonly accountId: string;
  readonly balanceMinor: number;
  readonly currency: string;
}

export interface PaymentRow {
  readonly transactionId: string;
  readonly accountId: string;
  readonly amountMinor: number;
  readonly currency: string;
}

export interface ChargeRow {
  readonly chargeId: string;
  readonly amountMinor: number;
  readonly currency: string;
  readonly state: 'succeeded' | 'declined';
}

export type ProviderCharge = Pick<Charge, 'reference' | 'amount' | 'currency' | 'status'>;

export interface OrderRow {
  readonly reference: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
}

export interface StockRow {
  readonly sku: string;
  readonly available: number;
}

export interface ReportRow {
  readonly reportId: string;
  readonly state: string;
  readonly prefix: string;
  /** How many there are, the manifest among them. */
  readonly files: number;
  readonly manifest: { readonly key: string; readonly sha256: string };
  readonly notificationId: string;
}

export interface Sources {
  readonly sqs: SQSClient;
  /** Knows the executions of staged jobs. @default none was started */
  readonly sfn?: SFNClient;
  readonly dynamo: DynamoDBDocumentClient;
  readonly stage: string;
  /** Where reports lie. @default nowhere: none was asked for */
  readonly objects?: Objects;
  readonly mails: () => Evidence['mails'];
  readonly providerCharges: () => Evidence['providerCharges'];
  readonly webhooks?: WebhookWorld;
}

/** The mails that the local cloud's SES took, by the notification that each is for. */
export function mailsOf(ses: Ses): Evidence['mails'] {
  return ses.sent().map(({ to, tags }) => ({ to: to.join(', '), notification: tags.notification ?? '' }));
}

const EVERY_DEAD_LETTER = 100_000;

export async function gatherEvidence({
  sqs,
  sfn,
  dynamo,
  stage,
  objects,
  mails,
  providerCharges,
  webhooks,
}: Sources): Promise<Evidence> {
  const lookup = new JobLookup(dynamo, stage);
  const rows = <Row>(subject: TableSubject): Promise<Row[]> => tableRows(subject, { dynamo, stage });
  const records = new Map<string, JobRecord>();
  for await (const record of lookup.all()) records.set(record.pk, record);
  // Side by side: each ends with a long poll that finds nothing.
  const deadLetters = await Promise.all(
    Object.values(JOBS).map(
      async (job): Promise<[string, readonly DeadLetter[]]> => [
        job.type,
        (await peekDeadLetters(job, { sqs, stage, lookup, most: EVERY_DEAD_LETTER })).letters,
      ],
    ),
  );
  return {
    records,
    deadLetters: new Map(deadLetters),
    resumed: sfn ? await resumedJobs(records.values(), { sfn, stage }) : [],
    accounts: await rows<AccountRow>('accounts'),
    payments: await rows<PaymentRow>('payments'),
    charges: await rows<ChargeRow>('charges'),
    orders: await rows<OrderRow>('orders'),
    stock: await rows<StockRow>('stock'),
    // One that is still being laid down is none yet.
    reports: (await rows<ReportRow>('reports')).filter(({ state }) => state === 'ready'),
    reportFiles: objects ? await reportFiles(objects) : new Map(),
    mails: mails(),
    providerCharges: providerCharges(),
    ...(webhooks && { webhooks: await webhookEvidence(webhooks, { dynamo, stage }) }),
  };
}
