/**
 * Does something for each item, a few at a time, and answers in the items' order.
 * @throws what failed first; nothing is begun after it
 */
export async function fewAtOnce<Item, Result>(
  items: readonly Item[],
  most: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = inOrder(items);
  const worker = async (): Promise<void> => {
    for (const [index, item] of waiting) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: most }, worker));
  return results;
}

/** Unlike an array's own iterator, a generator has ended for all who share it once one of them fails. */
function* inOrder<Item>(items: readonly Item[]): Generator<[number, Item]> {
  yield* items.entries();
}
