import type { ResourceProvider } from '../kernel/resources.ts';
import type { Store } from '../kernel/store.ts';
import type { Deployment } from './deploy.ts';

/**
 * Takes away what an earlier deployment into the same state made and this one does not hold any more, in whatever stack: a rule whose
 * construct has another id now would fire beside its successor. Data stays, as there are resources that CloudFormation retains.
 */
export function removeLeftovers(
  { stacks }: Deployment,
  providers: readonly ResourceProvider[],
  { db, transaction }: Pick<Store, 'db' | 'transaction'>,
): void {
  db.exec(
    'CREATE TABLE IF NOT EXISTS template_resources (type TEXT NOT NULL, physicalId TEXT NOT NULL, PRIMARY KEY (type, physicalId)) STRICT',
  );
  const resources = stacks.flatMap((stack) => stack.resources);
  const held = new Set(resources.map(({ type, physicalId }) => `${type} ${physicalId}`));
  const byType = new Map(providers.map((provider) => [provider.type, provider]));
  transaction(() => {
    for (const row of db.prepare('SELECT type, physicalId FROM template_resources').all()) {
      const [type, physicalId] = [String(row.type), String(row.physicalId)];
      if (!held.has(`${type} ${physicalId}`)) byType.get(type)?.remove?.(physicalId);
    }
    db.exec('DELETE FROM template_resources');
    const keep = db.prepare('INSERT OR IGNORE INTO template_resources VALUES (?, ?)');
    for (const { type, physicalId } of resources) keep.run(type, physicalId);
  });
}
