/** A fleet's demands on a stack, at its own size and at others. Pure. */
import type { Baseline } from "../shared/baseline.ts";
import type { Load } from "../shared/load.ts";
import { createWorkload } from "../shared/workload.ts";
import type { Model } from "../shared/workload-model.ts";
import { type DemandContext, demandsOf } from "./demand.ts";
import type { FleetReport } from "./fleet-report.ts";
import { needsOf } from "./needs.ts";
import { bindingsOf } from "./scale.ts";
import { concurrencyOf } from "./starvation.ts";

export interface FleetOptions {
  model: Model;
  baseline: Baseline | undefined;
  /** Concurrency of the account. */
  account: number;
  /** The load as it was given, or of so many devices with all else as it was given. */
  loadOf(devices?: number): Load;
}

/** Sizes that every report shows. */
const FLEETS = [1e4, 1e6, 1e8];

export function createFleetReport({ model, baseline, account, loadOf }: FleetOptions): FleetReport {
  const { graph } = model.view;
  const lay = createWorkload(graph, baseline);
  const contextOf = (devices?: number): DemandContext => ({
    view: model.view,
    workload: lay(loadOf(devices)),
    account,
  });
  const context = contextOf();
  const demandsAt = (devices: number) => demandsOf(contextOf(devices));
  return {
    project: graph.project,
    stack: graph.stack,
    workload: context.workload,
    measured: baseline && { date: baseline.measured, machine: baseline.machine },
    needs: needsOf(context),
    demands: demandsOf(context),
    fleets: FLEETS.map((devices) => ({ devices, demands: demandsAt(devices) })),
    bindings: bindingsOf(demandsAt),
    concurrency: concurrencyOf(model, context.workload.functions, account),
  };
}
