/** What can be ordered, and at which price. */

interface Product {
  name: string;
  /** US cents, whole: money is never a fraction of a binary number. */
  unitCents: number;
}

export const CURRENCY = "USD";

const CATALOGUE = {
  barometer: { name: "Barometer, 300-1,100 hPa", unitCents: 7_450 },
  anemometer: { name: "Cup anemometer with wind vane", unitCents: 18_900 },
  thermometer: { name: "Thermometer, -40 to +85 °C", unitCents: 1_995 },
  "solar-panel": { name: "Solar panel, 20 W", unitCents: 4_200 },
  "weather-station": { name: "Weather station, complete", unitCents: 64_900 },
  mast: { name: "Mast, 10 m, galvanised", unitCents: 249_000 },
} as const satisfies Record<string, Product>;

export type ProductId = keyof typeof CATALOGUE;

/** Every product's id. */
export const PRODUCT_IDS = Object.keys(CATALOGUE) as ProductId[];

/** The product of that id; undefined for any other text, inherited names included. */
export function productOf(productId: string): Product | undefined {
  return Object.hasOwn(CATALOGUE, productId) ? CATALOGUE[productId as ProductId] : undefined;
}
