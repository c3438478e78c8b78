export const TIMED_OUT = Symbol("timed out");

/** Resolves with `TIMED_OUT` when the promise takes longer. */
export const within = async <T>(promise: Promise<T>, ms: number): Promise<T | typeof TIMED_OUT> => {
  if (ms === Number.POSITIVE_INFINITY) return promise;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<typeof TIMED_OUT>((resolve) => {
    timer = setTimeout(resolve, ms, TIMED_OUT);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
};
