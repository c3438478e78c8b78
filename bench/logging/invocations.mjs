/**
 * Invokes handlers in turns and sends the milliseconds of each round's invocation to the parent process. A process of
 * its own, since what the handlers print must go to where it costs what it costs in Lambda: a file descriptor.
 */
import { createRequire } from "node:module";

const [, , files, rounds, invocations] = process.argv;
const require = createRequire(import.meta.url);
const handlers = JSON.parse(files).map((file) => require(file).handler);
const times = handlers.map(() => []);

for (let round = 0; round < Number(rounds); round++) {
  for (const [index, handler] of handlers.entries()) {
    const start = performance.now();
    for (let count = 0; count < Number(invocations); count++) {
      await handler({ correlationId: `c-${count}`, orderId: `order-${count}` });
    }
    times[index].push((performance.now() - start) / Number(invocations));
  }
}
process.send(times, () => process.exit(0));
