import { LocalCloudError } from './errors.ts';
import type { Properties, ResourceIdentity } from './resources.ts';

/**
 * Refuses a property that neither list names, so that nothing in a template is ignored in silence.
 *
 * @param honoured what the provider acts on
 * @param inert what has no effect on one machine (tags, encryption at rest)
 * @throws LocalCloudError `UNKNOWN_PROPERTY`, naming stack, logical id, type and property
 */
export function checkProperties(
  type: string,
  properties: Properties,
  identity: Pick<ResourceIdentity, 'stackName' | 'logicalId'>,
  honoured: readonly string[],
  inert: readonly string[] = [],
): void {
  for (const name of Object.keys(properties)) {
    if (honoured.includes(name) || inert.includes(name)) continue;
    throw new LocalCloudError(
      'UNKNOWN_PROPERTY',
      `${identity.stackName}/${identity.logicalId} (${type}) has the property "${name}", which the local cloud does not know.`,
    );
  }
}
