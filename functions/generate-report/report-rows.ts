import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { PermanentError } from '../../shared/consumer/index.ts';
import { itemInTheWay } from '../../shared/jobs/conditional-update.ts';
import type { Notified, Report } from '../../shared/jobs/generate-report.ts';
import { payloadHash } from '../../shared/jobs/message.ts';

/** The reports that are ready, or being laid down, each in a row of its own. */
export class ReportRows {
  readonly #dynamo: DynamoDBDocumentClient;
  readonly #tableName: string;

  constructor(dynamo: DynamoDBDocumentClient, tableName: string) {
    this.#dynamo = dynamo;
    this.#tableName = tableName;
  }

  /**
   * Takes the id for a report before anything is laid under it. The job's record lives for weeks, this row for ever: the same id must still be the same
   * report.
   *
   * @throws PermanentError `REPORT_ID_REUSED`
   */
  async reserve(report: Report): Promise<void> {
    const { reportId, title, period } = report;
    const contentHash = payloadHash(report);
    try {
      await this.#dynamo.send(
        new PutCommand({
          TableName: this.#tableName,
          Item: {
            reportId,
            state: 'preparing',
            title,
            period,
            contentHash,
            reservedAt: new Date().toISOString(),
          },
          ConditionExpression: 'attribute_not_exists(reportId)',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
    } catch (error) {
      const row = itemInTheWay<{ readonly contentHash: string }>(error);
      if (row?.contentHash !== contentHash) throw reused(reportId, error);
    }
  }

  /**
   * Records a report under its id; recorded already, its row is written again for the same request alone.
   *
   * @throws PermanentError `REPORT_ID_REUSED`
   */
  async record(report: Report, notified: Notified): Promise<void> {
    const { reportId, title, period } = report;
    const { prefix, files, pdf, manifest, links, linksExpireAt, counts, failedAssets, notificationId } =
      notified;
    const contentHash = payloadHash(report);
    try {
      await this.#dynamo.send(
        new PutCommand({
          TableName: this.#tableName,
          Item: {
            reportId,
            state: 'ready',
            title,
            period,
            contentHash,
            prefix,
            files,
            pdf,
            manifest,
            links,
            linksExpireAt,
            counts,
            failedAssets,
            notificationId,
            recordedAt: new Date().toISOString(),
          },
          ConditionExpression: 'attribute_not_exists(reportId) OR contentHash = :hash',
          ExpressionAttributeValues: { ':hash': contentHash },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      throw reused(reportId, error);
    }
  }
}

function reused(reportId: string, cause: unknown): PermanentError {
  return new PermanentError(
    `Report ${reportId} is there already, and was asked for with another title, period, recipient or assets.`,
    { code: 'REPORT_ID_REUSED', cause },
  );
}
