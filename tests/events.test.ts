import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { documented } from "./helpers/events.ts";
import { ROOT } from "./helpers/source-files.ts";

const namesIn = (folder: string, ending: string): string[] =>
  readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length));

/** No function gets an event of theirs: alarms tell topics, tokens come from identity, and what sources have in common. */
const OTHERS = ["alarms", "identity", "source"];

describe("the events that functions get", () => {
  it("are each compared with one of AWS's: every source's test reads an example", () => {
    const sources = namesIn("local/sources", ".ts").filter((name) => !OTHERS.includes(name));
    expect(sources).to.have.length.of.at.least(9);
    const examples = namesIn("tests/events", ".json");
    for (const source of sources) {
      const test = readFileSync(join(ROOT, `tests/sources/${source}.test.ts`), "utf8");
      const read = [...test.matchAll(/documented\("([a-z0-9-]+)"\)/g)].map(([, name]) => name);
      expect(read, source).not.to.deep.equal([]);
      expect(examples, source).to.include.members(read);
    }
  });

  it("say which page of AWS's each example is from", () => {
    for (const name of namesIn("tests/events", ".json")) {
      expect(documented(name).source, name).to.match(/^https:\/\/docs\.aws\.amazon\.com\/\S+\.html/);
    }
  });
});
