/**
 * Time to live: which items are due to be deleted. Kept as an index by minute, fed by every write, so that a sweep
 * costs as much as there is to delete.
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
 */

import type { Item, Table } from "./dynalite.ts";
import { validationError } from "./faults.ts";
import type { Input, Output } from "./service.ts";

/** Items that expired longer ago are left alone, as at AWS; in seconds. */
const IGNORED_AFTER_S = 5 * 365 * 86_400;
const MINUTE_S = 60;

export interface Due {
  readonly tableName: string;
  readonly attribute: string;
  readonly key: Item;
}

interface Tracked {
  readonly attribute: string;
  /** Minute of expiry -> text of the key -> the key. */
  readonly minutes: Map<number, Map<string, Item>>;
}

export const keyAttributes = (item: Item, table: Table): Item => {
  const key: Item = {};
  for (const { AttributeName } of table.KeySchema) {
    const value = item[AttributeName];
    if (value) key[AttributeName] = value;
  }
  return key;
};

/** Seconds since the epoch at which the item expires; undefined when it does not. */
const expiryOf = (item: Item, attribute: string): number | undefined => {
  const value = Object.hasOwn(item, attribute) ? item[attribute]?.N : undefined;
  const seconds = typeof value === "string" ? Number(value) : Number.NaN;
  return Number.isFinite(seconds) ? seconds : undefined;
};

/** Takes out the minutes that are over: a minute is due as a whole. */
const takeMinutes = (minutes: Tracked["minutes"], now: number): Item[] => {
  const over = [...minutes].filter(([minute]) => (minute + 1) * MINUTE_S <= now);
  for (const [minute] of over) minutes.delete(minute);
  return over
    .filter(([minute]) => minute * MINUTE_S >= now - IGNORED_AFTER_S)
    .flatMap(([, keys]) => [...keys.values()]);
};

export class TimeToLive {
  readonly #tables = new Map<string, Tracked>();

  attributeOf(tableName: string): string | undefined {
    return this.#tables.get(tableName)?.attribute;
  }

  /** Table name -> attribute, for keeping across runs. */
  get settings(): Record<string, string> {
    return Object.fromEntries([...this.#tables].map(([name, { attribute }]) => [name, attribute]));
  }

  enable(tableName: string, attribute: string): void {
    this.#tables.set(tableName, { attribute, minutes: new Map() });
  }

  disable(tableName: string): void {
    this.#tables.delete(tableName);
  }

  /** Notes a written item. */
  note(table: Table, item: Item): void {
    const tracked = this.#tables.get(table.TableName);
    const expiry = tracked && expiryOf(item, tracked.attribute);
    if (!tracked || expiry === undefined) return;
    const minute = Math.floor(expiry / MINUTE_S);
    const keys = tracked.minutes.get(minute) ?? new Map<string, Item>();
    const key = keyAttributes(item, table);
    tracked.minutes.set(minute, keys.set(JSON.stringify(key), key));
  }

  /** Items whose noted expiry is in the past; they are forgotten here. Some may have changed since. */
  takeDue(nowMs: number): Due[] {
    const now = Math.floor(nowMs / 1000);
    return [...this.#tables].flatMap(([tableName, { attribute, minutes }]) =>
      takeMinutes(minutes, now).map((key) => ({ tableName, attribute, key })),
    );
  }

  describe(tableName: string): Output {
    const attribute = this.attributeOf(tableName);
    return {
      TimeToLiveDescription:
        attribute === undefined
          ? { TimeToLiveStatus: "DISABLED" }
          : { TimeToLiveStatus: "ENABLED", AttributeName: attribute },
    };
  }

  /** What an UpdateTimeToLive asks for. @throws ServiceError ValidationException, also when nothing would change. */
  readUpdate(tableName: string, input: Input): { enabled: boolean; attribute: string } {
    const spec = input.TimeToLiveSpecification as { Enabled?: unknown; AttributeName?: unknown } | undefined;
    const attribute = spec?.AttributeName;
    if (typeof spec?.Enabled !== "boolean" || typeof attribute !== "string" || attribute.length < 1) {
      throw validationError(
        "1 validation error detected: Value at 'timeToLiveSpecification' failed to satisfy constraint: Member " +
          "must have Enabled (true or false) and AttributeName (1 to 255 characters)",
      );
    }
    const current = this.attributeOf(tableName);
    if (!spec.Enabled && current === undefined) throw validationError("TimeToLive is already disabled");
    if (spec.Enabled && current === attribute) throw validationError("TimeToLive is already enabled");
    if (current !== undefined && current !== attribute) {
      throw validationError(
        `TimeToLive is active on a different AttributeName: current AttributeName is ${current}`,
      );
    }
    return { enabled: spec.Enabled, attribute };
  }
}
