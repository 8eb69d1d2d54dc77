import type * as z from 'zod';
import type { Report, Signed, Uploaded } from '../../shared/jobs/generate-report.ts';
import type { sendEmail } from '../../shared/jobs/send-email.ts';

/** A link that is over sooner than this is left out: the mail is on its way for a while, and then read. */
const LEAST_LEFT_MS = 3600_000;

/**
 * The e-mail that says that a report is ready; without a link where that is over or nearly so, since its stage was resumed late. Else a repeated
 * publication has the same payload under the same key.
 */
export function announcementOf(
  { reportId, title, period, email }: Report,
  { pdf, links, linksExpireAt, counts, failedAssets }: Uploaded & Signed,
  { bucket, nowMs }: { readonly bucket: string; readonly nowMs: number },
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
        ...(Date.parse(linksExpireAt) - nowMs < LEAST_LEFT_MS
          ? {}
          : { link: links.pdf, linkExpiresAt: linksExpireAt }),
        location: `s3://${bucket}/${pdf.key}`,
        failedAssets,
      },
    },
  };
}
