export type { Secret, SecretValue } from './secrets.ts';
export { SecretsManager } from './secrets-manager.ts';
