/**
 * Runs `action` with these environment variables. Assigning to `process.env` itself would do for JavaScript only: the
 * process's own environment, which `os.tmpdir()` reads, would be cut off from it for all the tests that follow.
 */
export async function withEnvironment<T>(
  variables: Record<string, string>,
  action: () => Promise<T>,
): Promise<T> {
  const before = Object.fromEntries(Object.keys(variables).map((name) => [name, process.env[name]]));
  Object.assign(process.env, variables);
  try {
    return await action();
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
