/** A resource's properties with every intrinsic function resolved. */
export type Properties = Readonly<Record<string, unknown>>;

/** What `Ref` and `Fn::GetAtt` answer for a resource. */
export interface Provisioned {
  readonly ref: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface ResourceIdentity {
  readonly stackName: string;
  readonly logicalId: string;
  /** The template's `Metadata` of the resource (`aws:asset:path` and the like). */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** A physical name for a resource that was given none: the same at each deployment. */
  generatedName(maxLength: number): string;
  /** The folder of an asset that the template names by its S3 object key (`<hash>.zip`). @throws LocalCloudError `UNKNOWN_ASSET` */
  assetDirectory(objectKey: string): string;
}

/**
 * How one CloudFormation resource type is made in the local cloud. Deploying again calls `provision` again, over state that
 * may be there from an earlier run: it creates what is missing, updates settings, and never discards data.
 *
 * A property that changes what a job sees and that the local cloud does not honour is refused with a
 * `LocalCloudError('UNKNOWN_PROPERTY')`, never ignored; what only concerns AWS's side (tags, encryption at rest) is let pass by name.
 */
export interface ResourceProvider {
  readonly type: string;
  provision(properties: Properties, identity: ResourceIdentity): Provisioned;
  /** Takes away one that the template does not hold any more, by what `Ref` gave. @default it stays, as what holds data does */
  remove?(physicalId: string): void;
}
