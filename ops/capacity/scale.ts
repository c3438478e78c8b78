/** Where limits bind as the fleet grows: the number of devices at which a demand meets its limit. Pure. */
import type { Demand } from "./demand.ts";

/** Demands of a fleet of so many devices. */
export type DemandsAt = (devices: number) => Demand[];

export interface Binding extends Omit<Demand, "demand" | "share"> {
  /** Devices at which it binds, from between two steps of the search. */
  devices: number;
}

const FEWEST = 100;
const MOST = 1e10;
const STEPS_PER_DECADE = 8;

const keyOf = ({ name, of }: Demand): string => `${name} ${of}`;

/** On a logarithmic scale, where `share` is 1 between two fleets. */
const meeting = (
  before: { devices: number; share: number },
  after: { devices: number; share: number },
): number => {
  const [low, high] = [Math.log(before.share), Math.log(after.share)];
  const part = high > low && Number.isFinite(low) ? -low / (high - low) : 1;
  return before.devices * (after.devices / before.devices) ** part;
};

/** Every limit that binds for a fleet of a hundred to ten thousand million devices, the first to bind first. */
export function bindingsOf(demandsAt: DemandsAt): Binding[] {
  const found = new Map<string, Binding>();
  let before = new Map<string, { devices: number; share: number }>();
  const steps = Math.round(Math.log10(MOST / FEWEST) * STEPS_PER_DECADE);
  for (let step = 0; step <= steps; step++) {
    const devices = FEWEST * 10 ** (step / STEPS_PER_DECADE);
    const now = new Map<string, { devices: number; share: number }>();
    for (const demand of demandsAt(devices)) {
      const key = keyOf(demand);
      const { share, demand: _, ...limit } = demand;
      now.set(key, { devices, share });
      if (share < 1 || found.has(key)) continue;
      const last = before.get(key);
      found.set(key, { ...limit, devices: last ? meeting(last, { devices, share }) : devices });
    }
    before = now;
  }
  return [...found.values()].sort((left, right) => left.devices - right.devices);
}
