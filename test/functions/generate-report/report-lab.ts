import {
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { inject } from 'vitest';
import type * as z from 'zod';
import { notificationTag } from '../../../shared/jobs/email-event.ts';
import {
  REPORT_ASSETS_PREFIX,
  REPORTS_PREFIX,
  stageFunctionName,
  tableName,
} from '../../../shared/jobs/names.ts';
import { JOBS } from '../../../shared/jobs/registry.ts';
import { STAGE } from '../../lab/global-setup.ts';
import { Lab, type LabOptions } from '../../lab/lab.ts';
import { jpeg } from './pictures.ts';

export type ReportInput = z.input<typeof JOBS.generateReport.payload>;

const { generateReport } = JOBS;
let made = 0;

/** The deployed template with a day of orders and payments in its tables, and pictures in its bucket. */
export class ReportLab {
  readonly lab: Lab;
  readonly bucket: string;
  readonly #s3: S3Client;

  static async start(options: Pick<LabOptions, 'dataDirectory'> = {}): Promise<ReportLab> {
    const one = await ReportLab.reopen(options);
    const shelf = await jpeg(900, 600);
    await one.putAsset('shelf.jpg', shelf);
    await one.putAsset('window.jpg', await jpeg(400, 700));
    await one.putAsset('broken.jpg', shelf.slice(0, 3000));
    await one.#trade();
    return one;
  }

  /** With what an earlier one left. */
  static async reopen(options: Pick<LabOptions, 'dataDirectory' | 'startMs'>): Promise<ReportLab> {
    const lab = await Lab.start({ assembly: inject('assembly'), stage: STAGE, ...options });
    const { endpoint, region } = lab.cloud;
    const s3 = new S3Client({
      endpoint,
      region,
      forcePathStyle: true,
      credentials: { accessKeyId: 'lab', secretAccessKey: 'lab' },
    });
    const { Buckets = [] } = await s3.send(new ListBucketsCommand());
    return new ReportLab(lab, s3, Buckets[0]?.Name ?? '');
  }

  private constructor(lab: Lab, s3: S3Client, bucket: string) {
    this.lab = lab;
    this.#s3 = s3;
    this.bucket = bucket;
  }

  async putAsset(name: string, bytes: Uint8Array): Promise<void> {
    await this.#s3.send(
      new PutObjectCommand({ Bucket: this.bucket, Key: REPORT_ASSETS_PREFIX + name, Body: bytes }),
    );
  }

  /** Three payments and two orders, through their own jobs, as the report will find them. */
  async #trade(): Promise<void> {
    const put = (subject: 'accounts' | 'stock', Item: Record<string, unknown>) =>
      this.lab.dynamo.send(new PutCommand({ TableName: tableName(STAGE, subject), Item }));
    await put('accounts', { accountId: 'acc-1', balanceMinor: 10_000, currency: 'EUR' });
    await put('stock', { sku: 'TEA', available: 10 });
    for (const [index, amountMinor] of [1250, 999, -300].entries())
      await this.lab.publish(JOBS.processPayment, {
        transactionId: `tx-${index}`,
        accountId: 'acc-1',
        amountMinor,
        currency: 'EUR',
      });
    for (const reference of ['R-1', 'R-2'])
      await this.lab.publish(JOBS.placeOrder, {
        reference,
        customer: { name: 'Kim', email: 'kim@example.com' },
        lines: [{ sku: 'TEA', title: 'Sencha, 100 g', quantity: 2, unitPriceMinor: 1490 }],
        currency: 'EUR',
      });
    await this.lab.drain();
  }

  /** A report that no test has asked for before: two pictures, and one that is damaged. */
  report(changes: Partial<ReportInput> = {}): ReportInput {
    const today = new Date(this.lab.cloud.clock.now()).toISOString().slice(0, 10);
    const yesterday = new Date(this.lab.cloud.clock.now() - 86_400_000).toISOString().slice(0, 10);
    return {
      reportId: `report-${++made}`,
      title: 'Заказы и платежи 日報',
      period: { from: yesterday, to: today },
      email: 'boss@example.com',
      assets: [
        { name: 'Shelf', source: 's3://report-assets/shelf.jpg' },
        { name: 'Broken window', source: 's3://report-assets/broken.jpg' },
        { name: 'Schaufenster', source: 's3://report-assets/window.jpg' },
      ],
      ...changes,
    };
  }

  /** Publishes the report and lets everything come to its end. */
  async run(report: ReportInput): Promise<void> {
    await this.lab.publish(generateReport, report);
    await this.lab.drain();
  }

  record({ reportId }: ReportInput) {
    return this.lab.record(generateReport, reportId);
  }

  async row({ reportId }: ReportInput): Promise<Record<string, unknown> | undefined> {
    const { Item } = await this.lab.dynamo.send(
      new GetCommand({ TableName: tableName(STAGE, 'reports'), Key: { reportId }, ConsistentRead: true }),
    );
    return Item;
  }

  /** The mails that were sent for the report. */
  mails({ reportId }: ReportInput) {
    const tag = notificationTag(`report-ready:${reportId}`);
    return this.lab.cloud.ses.sent().filter(({ tags }) => tags.notification === tag);
  }

  /** What lies in the report's folder, by its path there. */
  async files({ reportId }: ReportInput): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
    const Prefix = `${REPORTS_PREFIX}${reportId}/`;
    const { Contents = [] } = await this.#s3.send(new ListObjectsV2Command({ Bucket: this.bucket, Prefix }));
    const files = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const { Key = '' } of Contents) {
      const { Body } = await this.#s3.send(new GetObjectCommand({ Bucket: this.bucket, Key }));
      files.set(Key.slice(Prefix.length), Uint8Array.from((await Body?.transformToByteArray()) ?? []));
    }
    return files;
  }

  functionOf(stage: string): string {
    return stageFunctionName(STAGE, generateReport.type, stage);
  }

  async stop(): Promise<void> {
    this.#s3.destroy();
    await this.lab.stop();
  }
}
