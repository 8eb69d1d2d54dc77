import { createHash } from 'node:crypto';
import { notificationTag } from '../../shared/jobs/email-event.ts';
import { jobPartitionKey } from '../../shared/jobs/record.ts';
import { JOBS } from '../../shared/jobs/registry.ts';
import type { FeedEntry } from '../feed.ts';
import { completedJobs } from './completed-jobs.ts';
import type { Evidence, ReportRow } from './evidence.ts';
import type { Promised } from './promises.ts';

interface Manifest {
  readonly files: readonly { readonly path: string; readonly sha256: string; readonly bytes: number }[];
}

/** Holds each report that completed against the bucket, the mails and its table, and each row there against its job. */
export function completedReportsAreWhole(accepted: readonly FeedEntry[], evidence: Evidence): Promised {
  const { type } = JOBS.generateReport;
  const { records, reports, reportFiles } = evidence;
  const rows = new Map(reports.map((row) => [row.reportId, row]));
  const completed = completedJobs(accepted, type, records);
  const stateOf = (reportId: string) => records.get(jobPartitionKey(type, reportId))?.state;
  const broken = [
    ...[...completed.keys()].flatMap((reportId) => {
      const row = rows.get(reportId);
      if (!row) return [`report ${reportId} completed, but has no row`];
      return [...filesAmiss(row, reportFiles), ...mailsAmiss(row, evidence)];
    }),
    ...reports.flatMap(({ reportId }) =>
      stateOf(reportId) === 'completed' ? [] : [`report ${reportId} has a row, but its job did not complete`],
    ),
  ];
  return {
    promise: 'Every completed report has its files, one e-mail and one row',
    checked: `${completed.size} completed, ${reportFiles.size} files`,
    broken,
  };
}

function filesAmiss(
  { reportId, prefix, files, manifest }: ReportRow,
  found: Evidence['reportFiles'],
): string[] {
  const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const bytes = found.get(manifest.key);
  if (!bytes) return [`report ${reportId} has no manifest at ${manifest.key}`];
  if (digest(bytes) !== manifest.sha256) return [`report ${reportId} has another manifest than its row says`];
  const listed = (JSON.parse(Buffer.from(bytes).toString()) as Manifest).files;
  const amiss = listed.flatMap(({ path, sha256 }) => {
    const file = found.get(prefix + path);
    if (!file) return [`report ${reportId} lacks its file ${path}`];
    return digest(file) === sha256
      ? []
      : [`file ${path} of report ${reportId} is not what its manifest says`];
  });
  const lying = [...found.keys()].filter((key) => key.startsWith(prefix)).length;
  if (amiss.length === 0 && (listed.length + 1 !== files || lying !== files))
    amiss.push(
      `report ${reportId} has ${lying} files, its manifest ${listed.length + 1} and its row ${files}`,
    );
  return amiss;
}

/** A mail that died is explained by its own dead letter. */
function mailsAmiss({ reportId, notificationId }: ReportRow, { records, mails }: Evidence): string[] {
  const sent = mails.filter(({ notification }) => notification === notificationTag(notificationId)).length;
  const isDead = records.get(jobPartitionKey(JOBS.sendEmail.type, notificationId))?.state === 'dead';
  return sent === 1 || (sent === 0 && isDead) ? [] : [`report ${reportId} has ${sent} e-mails`];
}
