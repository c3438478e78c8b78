/** What a meter says of a resource. */
import type { ResourceNode } from "../../local/engine/graph.ts";
import type { View } from "../../local/engine/rules/view.ts";
import type { Use, Workload } from "../shared/workload.ts";
import { SECONDS_PER_MONTH } from "../shared/workload-assumptions.ts";
import type { Arrival } from "../shared/workload-batches.ts";
import type { PriceName } from "./prices.ts";

/** An amount of a month that has a price. */
export interface Charge {
  price: PriceName;
  /** In the price's units. */
  quantity: number;
  /** URN of the resource that is billed. */
  urn: string;
  /** URN of what causes it: a function, or a resource that passes events on. */
  from?: string;
}

/** A resource that costs nothing as it is set up, and why. */
export interface Free {
  free: string;
}

/** A resource whose set-up the model has no price for. */
export interface NotPriced {
  notPriced: string;
}

export interface Metering {
  view: View;
  workload: Workload;
}

export type Meter = (node: ResourceNode, metering: Metering) => Charge[] | Free | NotPriced;

export const HOURS = 730;
export const GB = 1024 ** 3;
const KB = 1024;
const NOTHING: Arrival = { perSecond: 0, bytes: 0 };

/** A rate as an amount of a month. */
export const monthly = (perSecond: number): number => perSecond * SECONDS_PER_MONTH;

export const arrivalOf = ({ urn }: ResourceNode, { workload }: Metering): Arrival =>
  workload.arrivals.get(urn) ?? NOTHING;

/** Everything that is asked of a resource. */
export const usesOf = ({ urn }: ResourceNode, { workload }: Metering): Use[] =>
  workload.uses.filter(({ to }) => to === urn);

/** Units that a request of so many bytes counts for: at least one. */
export const unitsOf = (bytes: number, kilobytes: number): number =>
  Math.max(1, Math.ceil(bytes / (kilobytes * KB)));

/** The same charge for each use, in the name of what causes it. */
export const perUse = (
  { urn }: ResourceNode,
  uses: readonly Use[],
  price: PriceName,
  quantity: (use: Use) => number,
): Charge[] =>
  uses.map((use) => ({
    price,
    quantity: quantity(use),
    urn,
    ...(use.from !== "outside" && { from: use.from }),
  }));
