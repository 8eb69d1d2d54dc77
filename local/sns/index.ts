export type { PublishedMessage, PublishInput } from './published.ts';
export { Sns, type SnsOptions } from './sns.ts';
