/**
 * How fast aggregate-readings folds a batch (without the table): beside a bare floor on the same input, and beside
 * Powertools' batch processor with the same failures and results.
 */
import { isDeepStrictEqual } from "node:util";
import type { KinesisStreamRecord } from "aws-lambda";
import type { Bench, BenchReport, Contestant, Figure, Harness, Paired } from "../shared/harness.ts";
import { INSTALL_PEERS, importPeer } from "../shared/peers.ts";
import {
  core,
  coreOutcome,
  createPowertools,
  floor,
  floorWithAtob,
  type Outcome,
  type PowertoolsBatch,
} from "./contestants.ts";
import { BATCH_SIZE, BATCHES, createBatches } from "./input.ts";

const OURS = "aggregate-readings core";
const FLOOR = "floor: base64 + JSON.parse + sum";
const ATOB = "floor with atob";
const POWERTOOLS = "Powertools batch processor";
const EMPTY = "Powertools with an empty handler";
/** Sums are taken in another order and without compensation on Powertools' side. */
const TOLERANCE = 1e-12;

function isSame(ours: Outcome, theirs: Outcome): boolean {
  if (ours.refused !== theirs.refused || ours.aggregates.size !== theirs.aggregates.size) return false;
  for (const [key, { sum, ...rest }] of ours.aggregates) {
    const { sum: otherSum = Number.NaN, ...other } = theirs.aggregates.get(key) ?? {};
    const close = Math.abs(sum - otherSum) <= TOLERANCE * Math.abs(sum);
    if (!close || !isDeepStrictEqual(rest, other)) return false;
  }
  return true;
}

type Powertools = ReturnType<typeof createPowertools>;

async function assertSameResults(powertools: Powertools, batches: KinesisStreamRecord[][]): Promise<void> {
  for (const records of batches) {
    if (!isSame(coreOutcome(records), await powertools.fold(records))) {
      throw new Error("The contestants' results differ: nothing to compare.");
    }
  }
}

function perRecord(times: Paired, name: string): Figure {
  return { name, value: (times.median(name) * 1e6) / (BATCHES * BATCH_SIZE), unit: "ns/record" };
}

function ratio(times: Paired, than: string, target?: number): Figure {
  const name = `${OURS} against ${than}`;
  return {
    name,
    value: times.speed(OURS, than),
    unit: "x",
    target: target ? { at: "least", value: target } : undefined,
  };
}

async function run(harness: Harness): Promise<BenchReport> {
  const batches = createBatches();
  const contestants: Record<string, Contestant> = {
    [OURS]: () => core(batches),
    [FLOOR]: () => floor(batches),
    [ATOB]: () => floorWithAtob(batches),
  };
  const peer = await importPeer<PowertoolsBatch>("@aws-lambda-powertools/batch");
  if (peer !== undefined) {
    const powertools = createPowertools(peer);
    await assertSameResults(powertools, batches);
    contestants[POWERTOOLS] = async () => {
      for (const records of batches) await powertools.fold(records);
    };
    contestants[EMPTY] = async () => {
      for (const records of batches) await powertools.doNothing(records);
    };
  }
  const times = await harness.paired({ contestants, rounds: 60 });
  const figures = Object.keys(contestants).map((name) => perRecord(times, name));
  figures.push(ratio(times, FLOOR, 0.5), ratio(times, ATOB));
  if (peer === undefined) return { figures, skipped: `against Powertools, ${INSTALL_PEERS}` };
  return { figures: [...figures, ratio(times, POWERTOOLS, 3)] };
}

export const bench: Bench = { name: "aggregate", run };
