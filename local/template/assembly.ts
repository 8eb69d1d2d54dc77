import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LocalCloudError } from '../kernel/errors.ts';

/** A resource as the template writes it. */
export interface TemplateResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly Metadata?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly Condition?: string;
}

export interface TemplateOutput {
  readonly Value: unknown;
  readonly Description?: string;
  readonly Condition?: string;
  readonly Export?: { readonly Name: unknown };
}

/** The sections of a CloudFormation template that the local cloud reads. */
export interface Template {
  readonly Parameters?: Readonly<Record<string, { readonly Type: string; readonly Default?: unknown }>>;
  readonly Conditions?: Readonly<Record<string, unknown>>;
  readonly Mappings?: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>>>>>>;
  readonly Resources?: Readonly<Record<string, TemplateResource>>;
  readonly Outputs?: Readonly<Record<string, TemplateOutput>>;
}

export interface AssemblyStack {
  readonly name: string;
  readonly template: Template;
  /** `undefined` for a stack that is bound to no region. */
  readonly region: string | undefined;
  readonly accountId: string | undefined;
}

/** What `cdk synth` writes, as far as deploying needs it. */
export interface Assembly {
  readonly directory: string;
  /** Each after all that it depends on. */
  readonly stacks: readonly AssemblyStack[];
  /** The path of each file asset by the S3 object key that templates name it by. */
  readonly assets: ReadonlyMap<string, string>;
}

interface Artifact {
  readonly type: string;
  readonly environment?: string;
  readonly dependencies?: readonly string[];
  readonly displayName?: string;
  readonly properties?: {
    readonly templateFile?: string;
    readonly stackName?: string;
    readonly file?: string;
    readonly directoryName?: string;
  };
}

interface AssetManifest {
  readonly files?: Readonly<
    Record<
      string,
      {
        readonly source?: { readonly path?: string };
        readonly destinations: Readonly<Record<string, { readonly objectKey: string }>>;
      }
    >
  >;
  readonly dockerImages?: Readonly<Record<string, unknown>>;
}

/**
 * Reads a cloud assembly (`cdk.out`), stages included.
 *
 * @throws LocalCloudError `NO_ASSEMBLY` where there is none, `ASSEMBLY_CORRUPT` for a file in it that cannot be read
 */
export function readAssembly(directory: string): Assembly {
  const manifestFile = join(directory, 'manifest.json');
  if (!existsSync(manifestFile))
    throw new LocalCloudError(
      'NO_ASSEMBLY',
      `${directory} holds no cloud assembly (no manifest.json). Synthesize first: npx cdk synth --output ${directory}`,
    );
  const artifacts = Object.entries(
    readJson<{ artifacts?: Record<string, Artifact> }>(manifestFile).artifacts ?? {},
  );
  const assets = new Map<string, string>();
  const stacks: AssemblyStack[] = [];
  for (const [, artifact] of inDependencyOrder(artifacts)) {
    const { templateFile, file, directoryName, stackName } = artifact.properties ?? {};
    if (artifact.type === 'aws:cloudformation:stack' && templateFile) {
      stacks.push({
        name: stackName ?? artifact.displayName ?? templateFile.replace('.template.json', ''),
        template: readJson<Template>(join(directory, templateFile)),
        ...environmentOf(artifact.environment),
      });
    } else if (artifact.type === 'cdk:asset-manifest' && file) {
      addAssets(assets, directory, readJson<AssetManifest>(join(directory, file)));
    } else if (artifact.type === 'cdk:cloud-assembly' && directoryName) {
      const nested = readAssembly(join(directory, directoryName));
      stacks.push(...nested.stacks);
      for (const [key, path] of nested.assets) assets.set(key, path);
    }
  }
  return { directory, stacks, assets };
}

function addAssets(assets: Map<string, string>, directory: string, manifest: AssetManifest): void {
  for (const { source, destinations } of Object.values(manifest.files ?? {})) {
    if (!source?.path) continue;
    for (const { objectKey } of Object.values(destinations))
      assets.set(objectKey, join(directory, source.path));
  }
}

/** `aws://unknown-account/unknown-region` is a stack that is bound to neither. */
function environmentOf(environment = ''): Pick<AssemblyStack, 'region' | 'accountId'> {
  const [, accountId, region] = /^aws:\/\/([^/]+)\/(.+)$/.exec(environment) ?? [];
  return {
    accountId: accountId === 'unknown-account' ? undefined : accountId,
    region: region === 'unknown-region' ? undefined : region,
  };
}

function inDependencyOrder(artifacts: readonly [string, Artifact][]): readonly [string, Artifact][] {
  const byId = new Map(artifacts.map((entry) => [entry[0], entry]));
  const ordered = new Set<[string, Artifact]>();
  const visit = (entry: [string, Artifact], path: readonly string[]): void => {
    if (ordered.has(entry)) return;
    if (path.includes(entry[0]))
      throw new LocalCloudError(
        'CYCLE',
        `The stacks of the assembly depend on each other in a circle: ${[...path, entry[0]].join(' -> ')}`,
      );
    for (const id of entry[1].dependencies ?? []) {
      const dependency = byId.get(id);
      if (dependency) visit(dependency, [...path, entry[0]]);
    }
    ordered.add(entry);
  };
  for (const entry of artifacts) visit(entry, []);
  return [...ordered];
}

function readJson<Shape>(file: string): Shape {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Shape;
  } catch (error) {
    throw new LocalCloudError(
      'ASSEMBLY_CORRUPT',
      `${file} cannot be read (${(error as Error).message}). Synthesize again.`,
      { cause: error },
    );
  }
}
