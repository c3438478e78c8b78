/** Text pictures for the terminal. Pure. */

const BLOCKS = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

export interface ChartOptions {
  /** Rows of characters. */
  height: number;
  /** Decimals of the axis labels. */
  decimals: number;
  /** Lowest value of the axis. @default the lowest of the values */
  from?: number;
}

/** A bar chart, one column per value, with the extremes on the axis. A value that is not finite leaves a gap. */
export function barChart(values: number[], { height, decimals, from }: ChartOptions): string[] {
  const known = values.filter(Number.isFinite);
  const low = from ?? Math.min(...known);
  const high = Math.max(...known);
  const levels = height * (BLOCKS.length - 1) - 1;
  const scale = high > low ? levels / (high - low) : 0;
  const bars = values.map((value) => (Number.isFinite(value) ? 1 + Math.round((value - low) * scale) : 0));
  const label = (row: number): string => {
    if (row === height - 1) return high.toFixed(decimals);
    return row === 0 ? low.toFixed(decimals) : "";
  };
  const width = Math.max(high.toFixed(decimals).length, low.toFixed(decimals).length);
  return Array.from({ length: height }, (_, index) => {
    const row = height - 1 - index;
    const cells = bars.map((bar) => BLOCKS[Math.min(BLOCKS.length - 1, Math.max(0, bar - row * 8))]);
    return `${label(row).padStart(width)} ┤${cells.join("")}`;
  });
}

/** The means of `count` equal parts, so that a long series fits a terminal. */
export function shrink(values: number[], count: number): number[] {
  if (values.length <= count) return values;
  return Array.from({ length: count }, (_, index) => {
    const part = values.slice(
      Math.floor((index * values.length) / count),
      Math.floor(((index + 1) * values.length) / count),
    );
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}

/** Columns as wide as their widest cell; numbers to the right. */
export function textTable(header: string[], rows: (string | number)[][]): string[] {
  const cells = [header, ...rows.map((row) => row.map(String))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  const right = header.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"),
  );
  const line = (row: string[]): string =>
    row
      .map((cell, column) =>
        right[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [line(header), widths.map((width) => "─".repeat(width)).join("  "), ...cells.slice(1).map(line)];
}
