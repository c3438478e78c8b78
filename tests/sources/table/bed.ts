/** A table's changes, a mapping and a function made of a few lines, on a virtual clock. */
import type { PropertyMap } from "../../../local/engine/graph.ts";
import type { PolicyStatement } from "../../../local/lambda/iam.ts";
import type { Item } from "../../../local/services/dynalite.ts";
import { source } from "../../../local/sources/table.ts";
import { Bed, type Handler } from "../stream/bed.ts";

const LABEL = "2026-01-01T12:00:00.000";
export const CHANGES_ARN = `arn:aws:dynamodb:eu-west-1:000000000000:table/orders/stream/${LABEL}`;
export const SHARD = "shardId-00000000000000000001-00000001";

const table = { TableName: "orders", KeySchema: [{ AttributeName: "pk", KeyType: "HASH" as const }] };

export class TableBed extends Bed {
  readonly #items = new Map<string, Item>();

  constructor(options: { handler?: Handler; rights?: PolicyStatement[] } = {}) {
    super({ ...options, source });
    this.changes.enable("orders", { view: "NEW_AND_OLD_IMAGES", label: LABEL });
  }

  override start(inputs: PropertyMap = {}): Promise<void> {
    return super.start({ eventSourceArn: CHANGES_ARN, ...inputs });
  }

  /** Writes one item per text, all to one key unless told otherwise: each write is a change of the one before. */
  override async put(texts: string[], keyOf: (text: string) => string = () => "order"): Promise<void> {
    for (const text of texts) this.#write(keyOf(text), { pk: { S: keyOf(text) }, text: { S: text } }, false);
    await this.settle();
  }

  /** Deletes an item, by hand or because its time was over. */
  async remove(key: string, byTimeToLive = false): Promise<void> {
    this.#write(key, undefined, byTimeToLive);
    await this.settle();
  }

  #write(key: string, after: Item | undefined, byTimeToLive: boolean): void {
    this.changes.capture({ table: table as never, before: this.#items.get(key), after }, byTimeToLive);
    if (after === undefined) this.#items.delete(key);
    else this.#items.set(key, after);
  }
}
