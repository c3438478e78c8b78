import type { Graph } from "../../local/engine/graph.ts";
import type { Plan } from "../plan/report.ts";
import { flowOf } from "./flow.ts";
import { svgOf } from "./svg.ts";

/** The picture of a plan, as `docs/graph.svg` holds it. */
export const pictureOf = ({ functions }: Plan, preview: Graph): string =>
  svgOf(flowOf(preview, functions), `Events, functions and services of ${preview.project}`);
