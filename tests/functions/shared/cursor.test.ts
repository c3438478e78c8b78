import { expect } from "chai";
import fc from "fast-check";
import { openCursor, sealCursor, startAfter } from "../../../functions/shared/cursor.ts";

const KEY = "a secret of some length";
const CONTEXT = ["GET /devices", "d1", undefined];

describe("functions/shared: cursor", () => {
  it("opens what it sealed", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.string(), (context, position) => {
        expect(openCursor(KEY, context, sealCursor(KEY, context, position))).to.equal(position);
      }),
    );
  });

  it("says where a page starts: at the beginning, after a name, or nowhere", () => {
    expect(startAfter(KEY, CONTEXT, undefined)).to.equal("");
    expect(startAfter(KEY, CONTEXT, sealCursor(KEY, CONTEXT, "d1"))).to.equal("d1");
    for (const other of ["x.y", "", 7, sealCursor(KEY, ["another query"], "d1")]) {
      expect(startAfter(KEY, CONTEXT, other)).to.equal(undefined);
    }
  });

  it("is made of characters that need no escape in a URL", () => {
    expect(sealCursor(KEY, CONTEXT, { after: "x?&=" })).to.match(/^[A-Za-z0-9_.-]+$/);
  });

  it("does not open with another query, another key, or a part of the context shifted", () => {
    const cursor = sealCursor(KEY, ["ab", "c"], 1);
    expect(openCursor(KEY, ["ab", "d"], cursor)).to.equal(undefined);
    expect(openCursor(KEY, ["a", "bc"], cursor)).to.equal(undefined);
    expect(openCursor("another secret of some length", ["ab", "c"], cursor)).to.equal(undefined);
  });

  it("does not open when any character is changed", () => {
    const cursor = sealCursor(KEY, CONTEXT, "d1");
    for (let index = 0; index < cursor.length - 1; index++) {
      const changed = cursor.slice(0, index) + (cursor[index] === "A" ? "B" : "A") + cursor.slice(index + 1);
      expect(openCursor(KEY, CONTEXT, changed), changed).to.equal(undefined);
    }
  });

  it("answers junk without throwing", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 2000 }), (junk) => {
        expect(openCursor(KEY, CONTEXT, junk)).to.equal(undefined);
      }),
    );
    expect(openCursor(KEY, CONTEXT, "a.b.c")).to.equal(undefined);
  });

  it("refuses a key that is too short to keep a secret", () => {
    expect(() => sealCursor("short", CONTEXT, 1)).to.throw("cursorKey must have at least 16 characters");
  });
});
