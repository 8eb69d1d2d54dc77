import type { Clock } from '../../local/kernel/clock.ts';

/** What is to come, and when; all of its timers end with it. */
export class Timetable {
  readonly tell: (news: string) => void;
  readonly #clock: Clock;
  readonly #timers: { cancel(): void }[] = [];

  constructor(clock: Clock, tell: (news: string) => void) {
    this.#clock = clock;
    this.tell = tell;
  }

  /** Tells of a change and makes it, so many seconds from now. */
  at(seconds: number, text: string, change: () => void): void {
    this.#after(seconds, () => {
      this.tell(text);
      change();
    });
  }

  /**
   * Work of a person, begun so many seconds from now. Cloud time does not run ahead meanwhile.
   *
   * @returns when it is done; never rejects, and never resolves where the timetable ends before it
   */
  workAt(seconds: number, work: () => Promise<void>): Promise<void> {
    return new Promise((done) => {
      const begin = async (): Promise<void> => {
        const release = this.#clock.hold();
        await work().catch((error: Error) => this.tell(`the person on call failed: ${error.message}`));
        release();
        done();
      };
      this.#after(seconds, () => void begin());
    });
  }

  end(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel();
  }

  #after(seconds: number, happens: () => void): void {
    this.#timers.push(this.#clock.after(seconds * 1000, happens));
  }
}
