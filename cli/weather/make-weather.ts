import { takeShift } from '../on-call.ts';
import type { Session } from '../session.ts';
import { loseAnswersToIngress } from './ingress-weather.ts';
import { unwellProviders } from './provider-weather.ts';
import { unwellReceivers } from './receiver-weather.ts';
import { Timetable } from './timetable.ts';
import { refuseUploads, refuseUploadUntilMended } from './upload-weather.ts';

/** What the sample day has in store. */
export interface WeatherUnderWay {
  /** Resolves when nothing more of it is to come; never rejects. */
  readonly over: Promise<void>;
  /** Everything is well from then on. */
  end(): void;
}

/** Lets the providers go through what the sample day has in store for them, counted from now, and a person mend what does not pass by itself. */
export function makeWeather(session: Session, tell: (news: string) => void): WeatherUnderWay {
  const timetable = new Timetable(session.cloud.clock, tell);
  const mend = refuseUploadUntilMended(session, tell);
  const ends = [
    unwellProviders(session, timetable),
    unwellReceivers(session, timetable),
    loseAnswersToIngress(session, timetable),
    refuseUploads(session, tell),
    mend,
  ];
  return {
    over: takeShift(session, timetable, mend),
    end() {
      timetable.end();
      for (const end of ends) end();
    },
  };
}
