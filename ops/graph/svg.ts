/** A flow as a picture: the same flow gives the same bytes. Pure. */
import dagre from "@dagrejs/dagre";
import type { Flow, FlowEdge, FlowNode } from "./flow.ts";

interface Box extends FlowNode {
  x: number;
  y: number;
  width: number;
}

interface Line extends FlowEdge {
  points: { x: number; y: number }[];
}

const HEIGHT = 36;
const MARGIN = 16;
/** Of the two font sizes below, a little more than the average letter. */
const LABEL_LETTER = 7;
const KIND_LETTER = 5.4;
const LEGEND_HEIGHT = 34;

/** What a kind is called under its name, and its colour's class. */
const LOOKS: Record<string, { says: string; group: "source" | "function" | "store" | "channel" }> = {
  Function: { says: "Lambda", group: "function" },
  HttpApi: { says: "HTTP API", group: "source" },
  Schedule: { says: "Scheduler", group: "source" },
  IotTopic: { says: "IoT topic", group: "source" },
  Stream: { says: "Kinesis", group: "channel" },
  Queue: { says: "SQS", group: "channel" },
  EventBus: { says: "EventBridge", group: "channel" },
  LogGroup: { says: "CloudWatch Logs", group: "channel" },
  Table: { says: "DynamoDB", group: "store" },
  Bucket: { says: "S3", group: "store" },
  Cache: { says: "ElastiCache", group: "store" },
};

const lookOf = (kind: string) => LOOKS[kind] ?? { says: kind, group: "store" as const };

const STYLE = `
  text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #1f2328; }
  .kind { font-size: 9px; fill: #59636e; }
  rect { stroke-width: 1.2; }
  .source rect { fill: #fff1e5; stroke: #bc4c00; }
  .function rect { fill: #dafbe1; stroke: #1a7f37; }
  .channel rect { fill: #fbefff; stroke: #8250df; }
  .store rect { fill: #ddf4ff; stroke: #0969da; }
  path { fill: none; stroke: #59636e; stroke-width: 1.2; }
  .read { stroke-dasharray: 4 3; }
  .write { stroke: #0969da; }
  marker path { fill: #59636e; stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; } .kind { fill: #9198a1; }
    .source rect { fill: #3d1300; } .function rect { fill: #04260f; }
    .channel rect { fill: #271052; } .store rect { fill: #051d4d; }
    path { stroke: #9198a1; } .write { stroke: #4493f8; } marker path { fill: #9198a1; }
  }`;

const escapeText = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const widthOf = ({ label, kind }: FlowNode): number =>
  Math.ceil(Math.max(label.length * LABEL_LETTER, lookOf(kind).says.length * KIND_LETTER)) + 20;

/** Left to right: what starts something on the left, what keeps something on the right. */
function layOut({ nodes, edges }: Flow): { boxes: Box[]; lines: Line[]; width: number; height: number } {
  const graph = new dagre.graphlib.Graph<{ width: number; height: number; x: number; y: number }>();
  graph.setGraph({ rankdir: "LR", nodesep: 10, edgesep: 6, ranksep: 70, marginx: MARGIN, marginy: MARGIN });
  for (const node of nodes) graph.setNode(node.id, { width: widthOf(node), height: HEIGHT, x: 0, y: 0 });
  for (const { from, to } of edges) graph.setEdge(from, to, {});
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    boxes: nodes.map((node) => ({ ...node, ...placeOf(graph.node(node.id)) })),
    lines: edges.map((edge) => ({
      ...edge,
      points: (graph.edge(edge.from, edge.to) as { points: Line["points"] }).points,
    })),
    width: Math.ceil(width),
    height: Math.ceil(height),
  };
}

const placeOf = ({ x, y, width }: { x: number; y: number; width: number }) => ({ x, y, width });

const round = (value: number): number => Math.round(value * 10) / 10;

function boxText({ label, kind, x, y, width }: Box): string {
  const { says, group } = lookOf(kind);
  const left = round(x - width / 2);
  const top = round(y - HEIGHT / 2);
  return `<g class="${group}"><rect x="${left}" y="${top}" width="${width}" height="${HEIGHT}" rx="${group === "function" ? 18 : 4}"/>
<text x="${round(x)}" y="${round(y)}" text-anchor="middle">${escapeText(label)}</text>
<text class="kind" x="${round(x)}" y="${round(y + 12)}" text-anchor="middle">${escapeText(says)}</text></g>`;
}

/** Through the middles between the layout's points, so that corners are round. */
function lineText({ points, kind }: Line): string {
  const at = (point: { x: number; y: number }): string => `${round(point.x)} ${round(point.y)}`;
  const [first, ...rest] = points;
  const last = rest.pop();
  if (!first || !last) return "";
  const curves = rest.map((point, index) => {
    const next = rest[index + 1] ?? last;
    const middle = { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${at(point)} ${at(middle)}`;
  });
  return `<path class="${kind}" d="M${at(first)} ${curves.join(" ")} L${at(last)}" marker-end="url(#end)"/>`;
}

const LEGEND: { kind: FlowEdge["kind"]; says: string }[] = [
  { kind: "event", says: "event" },
  { kind: "write", says: "writes" },
  { kind: "read", says: "reads" },
];

const legendText = (top: number): string =>
  LEGEND.map(({ kind, says }, index) => {
    const left = MARGIN + index * 110;
    const y = top + LEGEND_HEIGHT / 2;
    return `<path class="${kind}" d="M${left} ${y} L${left + 44} ${y}" marker-end="url(#end)"/>
<text x="${left + 54}" y="${y + 4}">${says}</text>`;
  }).join("\n");

/** @param title what a reader who cannot see it is told */
export function svgOf(flow: Flow, title: string): string {
  const { boxes, lines, width, height } = layOut(flow);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height + LEGEND_HEIGHT}" role="img">
<title>${escapeText(title)}</title>
<style>${STYLE}
</style>
<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>
${lines.map(lineText).join("\n")}
${boxes.map(boxText).join("\n")}
${legendText(height)}
</svg>
`;
}
