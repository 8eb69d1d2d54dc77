import type { Logger } from '@aws-lambda-powertools/logger';
import type { Metrics } from '@aws-lambda-powertools/metrics';

/** A logger or metrics whose methods never throw: what is lost of logs and metrics changes no job. One that fails returns the same logger or metrics. */
export function unfailing<Telemetry extends Logger | Metrics>(telemetry: Telemetry): Telemetry {
  return new Proxy(telemetry, {
    get(target, name, proxy) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...inputs: unknown[]): unknown => {
        try {
          return member.apply(target, inputs);
        } catch {
          return proxy;
        }
      };
    },
  });
}
