/**
 * Makes this thread's `Date` tell the cloud's time, which may run faster than the machine's. Timers and `performance` stay
 * real: while code runs the cloud's clock is held, so that both go at the same pace.
 */
export function installCloudDate(nowMs: () => number): void {
  const RealDate = globalThis.Date;
  function CloudDate(...parts: unknown[]): unknown {
    const now = Math.floor(nowMs());
    if (!new.target) return new RealDate(now).toString();
    const target = (new.target as unknown) === CloudDate ? RealDate : new.target;
    return Reflect.construct(RealDate, parts.length === 0 ? [now] : parts, target);
  }
  CloudDate.prototype = RealDate.prototype;
  Object.defineProperty(CloudDate, 'name', { value: 'Date' });
  Object.defineProperty(CloudDate, 'length', { value: RealDate.length });
  const statics = { UTC: RealDate.UTC, parse: RealDate.parse, now: () => Math.floor(nowMs()) };
  for (const [name, value] of Object.entries(statics))
    Object.defineProperty(CloudDate, name, { value, writable: true, configurable: true });
  Object.defineProperty(RealDate.prototype, 'constructor', {
    value: CloudDate,
    writable: true,
    configurable: true,
  });
  globalThis.Date = CloudDate as unknown as DateConstructor;
}
