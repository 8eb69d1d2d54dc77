import type { CloudContext } from '../kernel/service.ts';
import type { AlarmDefinition } from './alarm-definition.ts';

export type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

export interface Alarm {
  readonly definition: AlarmDefinition;
  readonly arn: string;
  readonly state: AlarmState;
}

/** The alarms of the account. */
export class Alarms {
  readonly #context: CloudContext;
  readonly #alarms = new Map<string, Alarm>();

  constructor(context: CloudContext) {
    this.#context = context;
  }

  all(): readonly Alarm[] {
    return [...this.#alarms.values()];
  }

  put(definition: AlarmDefinition): Alarm {
    const { region, accountId } = this.#context;
    const alarm: Alarm = {
      definition,
      arn: `arn:aws:cloudwatch:${region}:${accountId}:alarm:${definition.AlarmName}`,
      state: this.#alarms.get(definition.AlarmName)?.state ?? 'INSUFFICIENT_DATA',
    };
    this.#alarms.set(definition.AlarmName, alarm);
    return alarm;
  }
}
