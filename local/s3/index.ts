export { S3 } from './s3.ts';
