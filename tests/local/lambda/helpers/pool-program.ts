/** A runtime of its own, for tests that kill it: one idle and one busy environment, whose ids it prints. */
import { rm } from "node:fs/promises";
import { testBed } from "./functions.ts";

const bed = await testBed();
await bed.add("idle", "exports.handler = async () => 1;");
await bed.add("busy", "exports.handler = async () => { console.log('busy'); for (;;); };");
// The pool has unpacked the zips; nobody is left to remove them after a kill.
await rm(bed.directory, { recursive: true });
await bed.pool.invoke("idle", "{}");
void bed.pool.invoke("busy", "{}");
await bed.trace.waitFor((event) => event.kind === "log" && String(event.line).includes("busy"));
const pids = ["idle", "busy"].flatMap((name) => bed.pool.environments(name).map(({ pid }) => pid));
process.stdout.write(`${JSON.stringify(pids)}\n`);
