import { LocalCloudError } from '../kernel/errors.ts';
import type { Template, TemplateResource } from './assembly.ts';
import { attributeReference, intrinsicOf, isObject, substitute } from './intrinsics.ts';

/**
 * The names that a value refers to by `Ref`, `Fn::GetAtt` and `Fn::Sub`: resources, parameters and pseudo parameters.
 * Both branches of an `Fn::If` count, as CloudFormation counts them.
 *
 * @throws LocalCloudError `UNKNOWN_INTRINSIC`
 */
export function namesIn(value: unknown, where: string, found = new Set<string>()): Set<string> {
  if (Array.isArray(value)) for (const element of value) namesIn(element, where, found);
  if (!isObject(value)) return found;
  const intrinsic = intrinsicOf(value, where);
  if (intrinsic?.name === 'Ref') return found.add(String(intrinsic.argument));
  if (intrinsic?.name === 'Fn::GetAtt') return found.add(attributeReference(intrinsic.argument)[0]);
  if (intrinsic?.name === 'Fn::Sub') {
    const [template, variables] = Array.isArray(intrinsic.argument)
      ? intrinsic.argument
      : [intrinsic.argument, {}];
    const own = isObject(variables) ? variables : {};
    substitute(String(template), (name) => {
      if (!Object.hasOwn(own, name)) found.add(attributeReference(name)[0]);
      return '';
    });
    return namesIn(own, where, found);
  }
  for (const entry of Object.values(value)) namesIn(entry, where, found);
  return found;
}

/**
 * The logical ids of a stack, each after all that it refers to or `DependsOn`.
 *
 * @throws LocalCloudError `CYCLE`, `UNKNOWN_REFERENCE`
 */
export function provisioningOrder(stackName: string, template: Template): readonly string[] {
  const resources = template.Resources ?? {};
  const ordered = new Set<string>();
  const visit = (logicalId: string, resource: TemplateResource, path: readonly string[]): void => {
    if (ordered.has(logicalId)) return;
    if (path.includes(logicalId)) {
      const circle = [...path.slice(path.indexOf(logicalId)), logicalId].join(' -> ');
      throw new LocalCloudError(
        'CYCLE',
        `The resources of ${stackName} depend on each other in a circle: ${circle}`,
      );
    }
    for (const name of dependenciesOf(stackName, logicalId, resource)) {
      const dependency = resources[name];
      if (dependency) visit(name, dependency, [...path, logicalId]);
      else if (!Object.hasOwn(template.Parameters ?? {}, name) && !name.startsWith('AWS::'))
        throw new LocalCloudError(
          'UNKNOWN_REFERENCE',
          `${stackName}/${logicalId} refers to "${name}", which is neither a resource nor a parameter of its stack.`,
        );
    }
    ordered.add(logicalId);
  };
  for (const [logicalId, resource] of Object.entries(resources)) visit(logicalId, resource, []);
  return [...ordered];
}

function dependenciesOf(stackName: string, logicalId: string, resource: TemplateResource): Set<string> {
  const names = namesIn(resource.Properties, `${stackName}/${logicalId}`);
  for (const name of [resource.DependsOn ?? []].flat()) names.add(name);
  return names;
}
