import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { Signed, StoredFile, Uploaded } from '../../shared/jobs/generate-report.ts';

/**
 * A link ends with the credentials that signed it, and a function's last some hours whatever is asked for.
 * https://repost.aws/knowledge-center/presigned-url-s3-bucket-expiration
 */
const LINK_SECONDS = 6 * 3600;

/** Addresses that anybody may read a report's files at for some hours. */
export async function signLinks(
  { pdf, manifest }: Pick<Uploaded, 'pdf' | 'manifest'>,
  { s3, bucket, reportId }: { readonly s3: S3Client; readonly bucket: string; readonly reportId: string },
): Promise<Signed> {
  const link = ({ key }: StoredFile, fileName: string): Promise<string> => {
    const ResponseContentDisposition = `inline; filename="${fileName}"`;
    const command = new GetObjectCommand({ Bucket: bucket, Key: key, ResponseContentDisposition });
    return getSignedUrl(s3, command, { expiresIn: LINK_SECONDS });
  };
  const linksExpireAt = new Date(Date.now() + LINK_SECONDS * 1000).toISOString();
  const [pdfLink, manifestLink] = await Promise.all([
    link(pdf, `${reportId}.pdf`),
    link(manifest, `${reportId}.json`),
  ]);
  return { links: { pdf: pdfLink, manifest: manifestLink }, linksExpireAt };
}
