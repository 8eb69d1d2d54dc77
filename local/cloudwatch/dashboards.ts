import { AwsError } from '../kernel/errors.ts';
import type { CloudContext } from '../kernel/service.ts';

export interface Dashboard {
  readonly name: string;
  readonly arn: string;
  /** JSON. */
  readonly body: string;
  readonly modifiedMs: number;
}

/** The dashboards of the account: kept as they are written, drawn by whoever reads them. */
export class Dashboards {
  readonly #context: CloudContext;
  readonly #dashboards = new Map<string, Dashboard>();

  constructor(context: CloudContext) {
    this.#context = context;
  }

  all(): readonly Dashboard[] {
    return [...this.#dashboards.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** @throws AwsError `DashboardNotFoundError` */
  get(name: string): Dashboard {
    const dashboard = this.#dashboards.get(name);
    if (dashboard) return dashboard;
    throw new AwsError('DashboardNotFoundError', `Dashboard ${name} does not exist`, 404);
  }

  /** @throws AwsError `DashboardInvalidInputError` */
  put(name: string, body: string): Dashboard {
    if (!/^[\w-]{1,255}$/.test(name))
      throw invalid(`The dashboard's name "${name}" is not 1 to 255 of A-Z a-z 0-9 _ -`);
    if (!isObject(body)) throw invalid('The dashboard body is not a JSON object');
    const { accountId, clock } = this.#context;
    const arn = `arn:aws:cloudwatch::${accountId}:dashboard/${name}`;
    const dashboard = { name, arn, body, modifiedMs: clock.now() };
    this.#dashboards.set(name, dashboard);
    return dashboard;
  }

  /** All of them, or none where one is not there. @throws AwsError `DashboardNotFoundError` */
  delete(names: readonly string[]): void {
    for (const name of names) this.get(name);
    for (const name of names) this.#dashboards.delete(name);
  }
}

function invalid(message: string): AwsError {
  return new AwsError('DashboardInvalidInputError', message);
}

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return value !== null && typeof value === 'object' && !Array.isArray(value);
  } catch {
    return false;
  }
}
