/**
 * What is to happen, by time: a binary heap over typed arrays, so that a hundred thousand entries cost neither objects
 * nor a garbage collector. Entries of the same time come out in the order they were put in.
 */

export class Agenda {
  #times: Float64Array;
  #orders: Float64Array;
  #values: Int32Array;
  #length = 0;
  #next = 0;

  /** @param capacity entries that it has room for at first */
  constructor(capacity = 1_024) {
    this.#times = new Float64Array(capacity);
    this.#orders = new Float64Array(capacity);
    this.#values = new Int32Array(capacity);
  }

  /** Time of the next entry; infinite when there is none. */
  get time(): number {
    return this.#length === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number);
  }

  /** @param value any whole number of 32 bits */
  add(time: number, value: number): void {
    if (this.#length === this.#times.length) this.#grow();
    const order = this.#next++;
    let hole = this.#length++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.#isBefore(time, order, parent)) break;
      this.#move(parent, hole);
      hole = parent;
    }
    this.#put(hole, time, order, value);
  }

  /** Takes the next entry's value; there must be one. */
  take(): number {
    const value = this.#values[0] as number;
    const last = --this.#length;
    if (last > 0) this.#sink(this.#times[last] as number, this.#orders[last] as number, last);
    return value;
  }

  #sink(time: number, order: number, last: number): void {
    let hole = 0;
    for (let child = 1; child < last; child = 2 * hole + 1) {
      if (
        child + 1 < last &&
        this.#isBefore(this.#times[child + 1] as number, this.#orders[child + 1] as number, child)
      )
        child += 1;
      if (this.#isBefore(time, order, child)) break;
      this.#move(child, hole);
      hole = child;
    }
    this.#put(hole, time, order, this.#values[last] as number);
  }

  #isBefore(time: number, order: number, index: number): boolean {
    const other = this.#times[index] as number;
    return time < other || (time === other && order < (this.#orders[index] as number));
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from] as number, this.#orders[from] as number, this.#values[from] as number);
  }

  #put(index: number, time: number, order: number, value: number): void {
    this.#times[index] = time;
    this.#orders[index] = order;
    this.#values[index] = value;
  }

  #grow(): void {
    const capacity = this.#length * 2;
    const times = new Float64Array(capacity);
    const orders = new Float64Array(capacity);
    const values = new Int32Array(capacity);
    times.set(this.#times);
    orders.set(this.#orders);
    values.set(this.#values);
    [this.#times, this.#orders, this.#values] = [times, orders, values];
  }
}
