import type { LiveSettings } from "../components/live-alias.ts";
import type { Settings } from "./config.ts";

/** How the API's functions get to a new version: step by step where the environment's settings say so. */
export const release = ({ canaryPercent, canaryMinutes }: Settings): Pick<LiveSettings, "deployment"> =>
  canaryPercent === 0 ? {} : { deployment: { canary: { percent: canaryPercent, minutes: canaryMinutes } } };

/** The same for the reads that people wait for, which are also kept warm. */
export const releaseWarm = (settings: Settings): LiveSettings => {
  const { warmReadsMin: minimum, warmReadsMax: maximum } = settings;
  return {
    ...release(settings),
    ...(minimum === 0 ? {} : { provisionedConcurrency: { minimum, maximum } }),
  };
};
