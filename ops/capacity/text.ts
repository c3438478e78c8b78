/** Numbers as people read them. Pure. */

const SIZES = [
  { from: 1e12, letter: "T" },
  { from: 1e9, letter: "G" },
  { from: 1e6, letter: "M" },
  { from: 1e3, letter: "k" },
];

/** `950`, `12 k`, `1.3 M`: two digits that count. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "no bound";
  const rounded = Number(value.toPrecision(2));
  const size = SIZES.find(({ from }) => rounded >= from);
  if (size) return `${Number((rounded / size.from).toPrecision(2))} ${size.letter}`;
  return String(rounded);
}

/** `1,234`; with a decimal below ten, and more below one. */
export function number(value: number): string {
  if (value >= 10 || value === 0) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(2)));
}

/** `1 shard`, `2 shards`. */
export const plural = (count: number, noun: string): string =>
  `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

/** A part of a whole: `3 %`, `85 %`, and `12 x` when it is a multiple. */
export function share(value: number): string {
  if (value >= 1.995) return `${short(value)} x`;
  return value >= 0.01 || value === 0 ? `${Math.round(value * 100)} %` : "< 1 %";
}

/** `340 ms`, `12.5 s`, `4.2 min`. */
export function time(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  return `${(ms / 60_000).toFixed(1)} min`;
}
