import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { pictureOf } from "../ops/graph/picture.ts";
import { planOf } from "../ops/plan/plan.ts";
import { reviewText } from "../ops/plan/review.ts";
import { ROOT } from "./helpers/source-files.ts";

const drawn = (): Promise<string> => readFile(join(ROOT, "docs", "graph.svg"), "utf8");

describe("the plan", function () {
  this.timeout(120_000);

  for (const stack of ["dev", "prod"]) {
    it(`of ${stack} is the one that was reviewed`, async () => {
      // Prepare
      const file = join("tests", "golden", `plan.${stack}.txt`);
      const reviewed = await readFile(join(ROOT, file), "utf8");

      // Act
      const { plan, preview } = await planOf({ directory: ROOT, stack });

      // Assess
      const cure = `Read the difference; if it is meant: npm run -s plan -- --stack ${stack} --review > ${file}`;
      expect(reviewText(plan).split("\n"), cure).to.deep.equal(reviewed.split("\n"));
      expect(plan.problems).to.deep.equal([]);
      if (stack === "prod") expect(await drawn(), "npm run graph").to.equal(pictureOf(plan, preview));
    });
  }
});
