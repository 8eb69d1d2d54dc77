import { checkProperties } from '../kernel/properties.ts';
import type { ResourceProvider } from '../kernel/resources.ts';
import type { CloudContext } from '../kernel/service.ts';

const KEY = 'AWS::KMS::Key';

/** Who may use a key, and how it is kept: nothing on this machine is encrypted with it. */
const INERT_OF_KEY = [
  'Description',
  'EnableKeyRotation',
  'Enabled',
  'KeyPolicy',
  'KeySpec',
  'KeyUsage',
  'MultiRegion',
  'Origin',
  'PendingWindowInDays',
  'RotationPeriodInDays',
  'Tags',
];

/** AWS KMS, as far as a template needs it: keys have an id and an ARN that others can name. */
export class Kms {
  readonly #context: CloudContext;

  constructor(context: CloudContext) {
    this.#context = context;
  }

  providers(): readonly ResourceProvider[] {
    const { region, accountId } = this.#context;
    return [
      {
        type: KEY,
        provision(properties, identity) {
          checkProperties(KEY, properties, identity, [], INERT_OF_KEY);
          const id = identity.generatedName(64);
          const Arn = `arn:aws:kms:${region}:${accountId}:key/${id}`;
          return { ref: id, attributes: { Arn, KeyId: id } };
        },
      },
    ];
  }
}
