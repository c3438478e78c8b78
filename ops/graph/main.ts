/** `npm run graph -- [--stack prod] [--out docs/graph.svg]`: draws the program's events, functions and services. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../../local/cli.ts";
import { planOf } from "../plan/plan.ts";
import { pictureOf } from "./picture.ts";

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      stack: { type: "string", default: "prod" },
      out: { type: "string", default: "docs/graph.svg" },
    },
  });
  const { plan, preview } = await planOf({ directory: process.cwd(), stack: values.stack });
  await mkdir(dirname(values.out), { recursive: true });
  await writeFile(values.out, pictureOf(plan, preview));
  console.log(`Wrote ${values.out}.`);
};

await run(main, "Usage: npm run graph -- [--stack prod] [--out docs/graph.svg]");
