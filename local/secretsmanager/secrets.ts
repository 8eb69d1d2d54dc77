import { hash } from 'node:crypto';
import type { CloudContext } from '../kernel/service.ts';
import { alreadyThere, invalidParameter, notFound } from './errors.ts';

export const CURRENT = 'AWSCURRENT';
const PREVIOUS = 'AWSPREVIOUS';
/** https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html */
const LONGEST_VALUE_BYTES = 65_536;

export interface Secret {
  readonly arn: string;
  readonly name: string;
  readonly description: string;
  /** Cloud time, milliseconds since the epoch. */
  readonly createdAtMs: number;
  readonly changedAtMs: number;
}

/** A text, or bytes in base64. */
export type SecretValue = { readonly SecretString: string } | { readonly SecretBinary: string };

export interface SecretVersion {
  readonly versionId: string;
  readonly stages: readonly string[];
  readonly value: SecretValue;
  readonly createdAtMs: number;
}

/** The secrets and their versions. Each staging label is on one version of its secret. */
export class Secrets {
  readonly #context: CloudContext;

  constructor(context: CloudContext) {
    this.#context = context;
    context.store.db.exec(
      `CREATE TABLE IF NOT EXISTS secretsmanager_secrets (
         name TEXT PRIMARY KEY, arn TEXT NOT NULL UNIQUE, description TEXT NOT NULL, definition TEXT NOT NULL,
         createdAtMs INTEGER NOT NULL, changedAtMs INTEGER NOT NULL) STRICT;
       CREATE TABLE IF NOT EXISTS secretsmanager_versions (
         name TEXT NOT NULL, versionId TEXT NOT NULL, value TEXT NOT NULL, stages TEXT NOT NULL, createdAtMs INTEGER NOT NULL,
         PRIMARY KEY (name, versionId)) STRICT`,
    );
  }

  /** By its name, its ARN, or its ARN without the random end. @throws AwsError `ResourceNotFoundException` */
  get(id: string): Secret {
    const row = this.#context.store.db
      .prepare(
        'SELECT * FROM secretsmanager_secrets WHERE name = ?1 OR arn = ?1 OR substr(arn, 1, length(arn) - 7) = ?1',
      )
      .get(id);
    if (!row) throw notFound();
    return {
      arn: String(row.arn),
      name: String(row.name),
      description: String(row.description),
      createdAtMs: Number(row.createdAtMs),
      changedAtMs: Number(row.changedAtMs),
    };
  }

  /**
   * Makes a secret with the value that its definition asks for, or updates the one that is there. As with CloudFormation, a value that was put in
   * since then stays as long as the definition does, and is replaced when the definition changes.
   *
   * @param definition what the template says of the value
   */
  deploy(name: string, description: string, definition: string, value: () => SecretValue): Secret {
    const { db } = this.#context.store;
    const nowMs = this.#now();
    return this.#context.store.transaction(() => {
      const before = db.prepare('SELECT definition FROM secretsmanager_secrets WHERE name = ?').get(name);
      if (before)
        db.prepare('UPDATE secretsmanager_secrets SET description = ?, definition = ? WHERE name = ?').run(
          description,
          definition,
          name,
        );
      else
        db.prepare('INSERT INTO secretsmanager_secrets VALUES (?, ?, ?, ?, ?, ?)').run(
          name,
          this.#newArn(name),
          description,
          definition,
          nowMs,
          nowMs,
        );
      if (before?.definition !== definition) this.put(name, value(), { token: this.#newToken(name) });
      return this.get(name);
    });
  }

  /**
   * Adds a version, and moves the labels given to it; `AWSCURRENT` leaves `AWSPREVIOUS` behind.
   *
   * @param token becomes the version's id; the same again with the same value changes nothing
   * @throws AwsError `ResourceNotFoundException`, `ResourceExistsException`, `InvalidParameterException`
   */
  put(
    id: string,
    value: SecretValue,
    { token, stages = [CURRENT] }: { token: string; stages?: readonly string[] | undefined },
  ): SecretVersion {
    const { db } = this.#context.store;
    const { name } = this.get(id);
    if (Buffer.byteLength(Object.values(value)[0] ?? '') > LONGEST_VALUE_BYTES)
      throw invalidParameter(`A secret value has at most ${LONGEST_VALUE_BYTES} bytes.`);
    const json = JSON.stringify(value);
    return this.#context.store.transaction(() => {
      const versions = this.versions(name);
      const same = versions.find(({ versionId }) => versionId === token);
      if (same && JSON.stringify(same.value) !== json) throw alreadyThere();
      if (same) return same;
      // The first version is the current one, whatever was asked for.
      const own = versions.length === 0 ? [...new Set([...stages, CURRENT])] : stages;
      const left = versions.find((version) => version.stages.includes(CURRENT));
      for (const { versionId, stages: old } of versions) {
        const kept = old.filter(
          (stage) => !own.includes(stage) && !(own.includes(CURRENT) && stage === PREVIOUS),
        );
        if (own.includes(CURRENT) && versionId === left?.versionId) kept.push(PREVIOUS);
        db.prepare('UPDATE secretsmanager_versions SET stages = ? WHERE name = ? AND versionId = ?').run(
          JSON.stringify(kept),
          name,
          versionId,
        );
      }
      const nowMs = this.#now();
      db.prepare('INSERT INTO secretsmanager_versions VALUES (?, ?, ?, ?, ?)').run(
        name,
        token,
        json,
        JSON.stringify(own),
        nowMs,
      );
      db.prepare('UPDATE secretsmanager_secrets SET changedAtMs = ? WHERE name = ?').run(nowMs, name);
      return { versionId: token, stages: own, value, createdAtMs: nowMs };
    });
  }

  /** Oldest first. */
  versions(name: string): SecretVersion[] {
    return this.#context.store.db
      .prepare('SELECT * FROM secretsmanager_versions WHERE name = ? ORDER BY rowid')
      .all(name)
      .map(({ versionId, value, stages, createdAtMs }) => ({
        versionId: String(versionId),
        value: JSON.parse(String(value)) as SecretValue,
        stages: JSON.parse(String(stages)) as readonly string[],
        createdAtMs: Number(createdAtMs),
      }));
  }

  #now(): number {
    return Math.floor(this.#context.clock.now());
  }

  /** No other version of the secret has it, and a seeded run repeats it. */
  #newToken(name: string): string {
    return hash('sha256', `${name} ${this.versions(name).length}`).slice(0, 32);
  }

  /** Ends in six random characters, as AWS's do. */
  #newArn(name: string): string {
    const { region, accountId, random } = this.#context;
    const end = Math.floor(random() * 36 ** 6)
      .toString(36)
      .padStart(6, '0');
    return `arn:aws:secretsmanager:${region}:${accountId}:secret:${name}-${end}`;
  }
}
