/** What Mocha does around all tests. */
const GRACE_MS = 30_000;

/**
 * A handle that a failed test left open would keep the process, and with it CI, waiting for ever. The workers of a
 * parallel run are ended by Mocha itself.
 */
export const mochaHooks = {
  afterAll(): void {
    if (process.env.MOCHA_WORKER_ID !== undefined) return;
    const watch = setTimeout(() => {
      console.error(`Still open after the tests: ${process.getActiveResourcesInfo().join(", ")}.`);
      process.exit(1);
    }, GRACE_MS);
    watch.unref();
  },
};
