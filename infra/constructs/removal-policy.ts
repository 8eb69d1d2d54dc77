import { RemovalPolicy } from 'aws-cdk-lib';
import type { Settings } from '../config.ts';

/**
 * What becomes of what holds jobs or data when it leaves its stack. A stage that retains keeps it, save where the deploy that was to create it is
 * rolled back: it is empty then, and would bar the next deploy by its name.
 */
export function removalPolicyOf({ removalPolicy }: Pick<Settings, 'removalPolicy'>): RemovalPolicy {
  return removalPolicy === 'retain' ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;
}
