/** What every contestant of the Kinesis benchmark gets. */
export const STREAM = "bench";
export const SHARDS = 4;
export const RECORDS_A_CALL = 500;
export const BYTES_A_RECORD = 200;

export interface Round {
  /** `h2` is the default client's transport; `h1` is the only one kinesalite speaks. */
  transport: "h1" | "h2";
  calls: number;
}
