/** Steps that are all taken, whatever one of them says. */

/**
 * Takes each step although one before has failed: what is left running would keep the process alive.
 * @throws what failed first, once all steps have been taken
 */
export async function eachInTurn(...steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
