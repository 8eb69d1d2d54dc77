import type * as z from 'zod';
import type { Report, Uploaded } from '../../shared/jobs/generate-report.ts';
import type { sendEmail } from '../../shared/jobs/send-email.ts';

/** The e-mail that says that a report is ready. Pure, so that a repeated publication has the same payload under the same key. */
export function announcementOf(
  { reportId, title, period, email }: Report,
  { pdf, links, linksExpireAt, counts, failedAssets }: Uploaded,
  bucket: string,
): z.input<typeof sendEmail.payload> {
  return {
    notificationId: `report-ready:${reportId}`,
    to: email,
    message: {
      template: 'report-ready',
      values: {
        title,
        ...period,
        pages: counts.pages,
        link: links.pdf,
        linkExpiresAt: linksExpireAt,
        location: `s3://${bucket}/${pdf.key}`,
        failedAssets,
      },
    },
  };
}
