export { type Assembly, type AssemblyStack, readAssembly, type TemplateResource } from './assembly.ts';
export { type DeployedResource, type DeployedStack, type Deployment, deployAssembly } from './deploy.ts';
export { INERT_TYPES } from './inert.ts';
export { removeLeftovers } from './leftovers.ts';
