/**
 * The same load without functions: on virtual machines, and in containers. Sizes are assumptions, stated here and in
 * docs/cost.md; prices are the price file's. Nobody's time is in any of the figures. Pure.
 */
import { type Load, readingsPerSecond } from "../shared/load.ts";
import { SECONDS_PER_DAY, SECONDS_PER_MONTH } from "../shared/workload-assumptions.ts";
import { GB, HOURS } from "./charge.ts";
import type { Cost, CostLine } from "./cost.ts";
import { dollarsOf, type PriceName, type Prices } from "./prices.ts";

/** What one vCPU carries, and how it is laid out. */
export const SIZING = {
  /** Readings a second that a vCPU takes in, folds and writes to PostgreSQL on the same machine. */
  readingsWithDatabase: 2_000,
  /** The same where the tables are a service's: taking in, folding, sending on. */
  readingsWithoutDatabase: 5_000,
  requests: 500,
  /** Images a second: a thumbnail set takes 0.6 s of a vCPU. */
  images: 1.6,
  /** Other events a second: orders, log lines, messages. */
  others: 1_000,
  /** Part of a machine that is busy on average: the rest is for peaks and for what runs at night. */
  utilisation: 0.5,
  /** vCPU that a burstable t4g.medium gives for good; below it serves. */
  burstable: 0.4,
  leastVcpu: 2,
  /** vCPU of the largest machine that is taken; more load takes more machines. */
  mostVcpu: 64,
  /** Database bytes on disk, over those of the tables' items: indexes, dead rows, room. */
  diskOverItems: 2,
  leastDiskGb: 50,
  /** Connections, and bytes around a reading (TLS, headers), that a load balancer sees. */
  connectionsPerUnit: 3_000,
  newConnectionsPerUnit: 25,
  bytesPerUnitHour: GB,
  bytesAround: 500,
  /** Tasks that containers have at least, of so much: two, so that one may fail. */
  leastTasks: 2,
  leastTaskVcpu: 0.5,
  gbPerVcpu: 2,
} as const;

export interface Alternative {
  name: string;
  dollars: number;
  /** How it is laid out: `3 x 16 vCPU (m7g), 1,200 GB disk`. */
  layout: string;
}

interface Basis {
  load: Load;
  prices: Prices;
  freeTier: boolean;
  lines: readonly CostLine[];
}

type Amounts = Partial<Record<PriceName, number>>;

const priced = ({ prices, freeTier }: Basis, amounts: Amounts): number =>
  Object.entries(amounts).reduce(
    (sum, [name, quantity]) => sum + dollarsOf(prices.entries[name as PriceName], quantity, freeTier),
    0,
  );

const requestsPerSecond = ({ lines }: Basis): number =>
  quantityOf(lines, "apigateway.http") / SECONDS_PER_MONTH;

const quantityOf = (lines: readonly CostLine[], price: PriceName): number =>
  lines.reduce((sum, line) => sum + (line.price === price ? line.quantity : 0), 0);

/** vCPU that the load keeps busy, with the room of `utilisation`. */
const vcpuOf = (basis: Basis, readingsPerVcpu: number): number => {
  const { load } = basis;
  const others = (load.ordersPerDay + load.filesPerDay) / SECONDS_PER_DAY + given(load);
  const busy =
    readingsPerSecond(load) / readingsPerVcpu +
    requestsPerSecond(basis) / SIZING.requests +
    load.imagesPerDay / SECONDS_PER_DAY / SIZING.images +
    others / SIZING.others;
  return busy / SIZING.utilisation;
};

const given = ({ sources }: Load): number => Object.values(sources).reduce((sum, each) => sum + each, 0);

interface Machines {
  amounts: Amounts;
  layout: string;
}

const machinesOf = (vcpu: number): Machines => {
  if (vcpu <= SIZING.burstable) return { amounts: { "ec2.t4gMediumHours": HOURS }, layout: "1 x t4g.medium" };
  const size = Math.min(SIZING.mostVcpu, 2 ** Math.ceil(Math.log2(Math.max(SIZING.leastVcpu, vcpu))));
  const count = Math.ceil(vcpu / size);
  return {
    amounts: { "ec2.m7gVcpuHours": count * size * HOURS },
    layout: `${count} x ${size} vCPU (m7g)`,
  };
};

const times = (amounts: Amounts, factor: number): Amounts =>
  Object.fromEntries(Object.entries(amounts).map(([name, quantity]) => [name, quantity * factor]));

/** Load balancer units: connections that devices and callers hold open, those that they open anew, and bytes. */
const balancerAmounts = (basis: Basis): Amounts => {
  const { load } = basis;
  const requests = requestsPerSecond(basis);
  const bytes = readingsPerSecond(load) * (load.readingBytes + SIZING.bytesAround) + requests * 2_500;
  const units = Math.max(
    (load.devices + load.apiCallers) / SIZING.connectionsPerUnit,
    requests / 10 / SIZING.newConnectionsPerUnit,
    (bytes * 3_600) / SIZING.bytesPerUnitHour,
  );
  return { "alb.hours": HOURS, "alb.units": units * HOURS };
};

/** Objects stay objects, and what clients fetch is fetched, wherever the code runs. */
const kept = ({ lines }: Basis): number =>
  lines
    .filter(({ service }) => service === "S3" || service === "Data transfer" || service === "Athena")
    .reduce((sum, { dollars }) => sum + dollars, 0);

const diskGb = ({ lines }: Basis): number =>
  Math.max(SIZING.leastDiskGb, quantityOf(lines, "dynamodb.storage") * SIZING.diskOverItems);

const whole = (value: number): string => Math.round(value).toLocaleString("en-US");

const machine = (basis: Basis): Alternative => {
  const { amounts, layout } = machinesOf(vcpuOf(basis, SIZING.readingsWithDatabase));
  const disk = diskGb(basis);
  const all = { ...amounts, "ebs.gp3": disk, "ebs.snapshots": disk, "vpc.publicAddressHours": HOURS };
  return {
    name: "one virtual machine",
    dollars: priced(basis, all) + kept(basis),
    layout: `${layout}, ${whole(disk)} GB disk with a snapshot; when it fails, everything does`,
  };
};

const pair = (basis: Basis): Alternative => {
  const { amounts, layout } = machinesOf(vcpuOf(basis, SIZING.readingsWithDatabase));
  const disk = diskGb(basis);
  const replicated = (readingsPerSecond(basis.load) * SECONDS_PER_MONTH * basis.load.readingBytes * 4) / GB;
  const all = {
    ...times({ ...amounts, "ebs.gp3": disk, "vpc.publicAddressHours": HOURS }, 2),
    ...balancerAmounts(basis),
    "ebs.snapshots": disk,
    "transfer.betweenZones": 2 * replicated,
  };
  return {
    name: "two, with a load balancer",
    dollars: priced(basis, all) + kept(basis),
    layout: `2 x (${layout}, ${whole(disk)} GB disk) in two zones, one a replica`,
  };
};

/** Only what runs the functions and answers requests is replaced: streams, tables, queues and logs stay. */
const containers = (basis: Basis): Alternative => {
  const least = SIZING.leastTasks * SIZING.leastTaskVcpu;
  const vcpu = Math.max(least, vcpuOf(basis, SIZING.readingsWithoutDatabase));
  const stay = basis.lines
    .filter(({ service }) => service !== "Lambda" && service !== "API Gateway" && service !== "X-Ray")
    .reduce((sum, { dollars }) => sum + dollars, 0);
  const all = {
    ...balancerAmounts(basis),
    "fargate.vcpuHours": vcpu * HOURS,
    "fargate.gbHours": vcpu * SIZING.gbPerVcpu * HOURS,
  };
  return {
    name: "containers on Fargate",
    dollars: priced(basis, all) + stay,
    layout: `${vcpu.toFixed(1)} vCPU behind a load balancer; streams, tables, queues and logs as they are`,
  };
};

/** The same load on something else, in a fixed order. */
export const alternativesTo = ({ load, lines, freeTier }: Cost, prices: Prices): Alternative[] => {
  const basis = { load, lines, freeTier, prices };
  return [machine(basis), pair(basis), containers(basis)];
};

/** Where serverless begins to cost as much as something else. */
export interface BreakEven {
  name: string;
  /** Devices; undefined where it never does, or does from the first on. */
  devices?: number;
  what: "from here on dearer" | "dearer from the first device on" | "cheaper at any load";
}

const MOST_DEVICES = 1e9;
/** Halvings of an interval of one doubling: to a thousandth. */
const HALVINGS = 10;

type Excess = (devices: number) => number[];

/** @param excess dollars that serverless costs more than each alternative, at so many devices */
const crossing = (excess: (devices: number) => number, low: number, high: number): number => {
  let [from, to] = [low, high];
  for (let step = 0; step < HALVINGS; step += 1) {
    const middle = (from + to) / 2;
    if (excess(middle) < 0) from = middle;
    else to = middle;
  }
  return Math.round(to);
};

const breakEvenOf = (
  name: string,
  index: number,
  rows: readonly (readonly [number, number[]])[],
  excess: Excess,
): BreakEven => {
  const found = rows.findIndex(([, values]) => (values[index] ?? 0) >= 0);
  if (found === 0) return { name, what: "dearer from the first device on" };
  if (found < 0) return { name, what: "cheaper at any load" };
  const [low] = rows[found - 1] ?? [1];
  const [high] = rows[found] ?? [MOST_DEVICES];
  return {
    name,
    devices: crossing((devices) => excess(devices)[index] ?? 0, low, high),
    what: "from here on dearer",
  };
};

/** Doubles the devices from one to a thousand million until serverless costs as much, then halves in between. */
export const breakEvens = (costAt: (devices: number) => Cost, prices: Prices): BreakEven[] => {
  const excess: Excess = (devices) => {
    const cost = costAt(devices);
    return alternativesTo(cost, prices).map(({ dollars }) => cost.dollars - dollars);
  };
  const steps = Array.from({ length: Math.ceil(Math.log2(MOST_DEVICES)) + 1 }, (_, power) => 2 ** power);
  const rows = steps.map((devices) => [devices, excess(devices)] as const);
  return alternativesTo(costAt(1), prices).map(({ name }, index) => breakEvenOf(name, index, rows, excess));
};
