import { expect } from "chai";
import { hasBinaries, packageFolder } from "../../../components/packaging/natives.ts";

describe("packages with prebuilt binaries", () => {
  it("are known by their manifest", () => {
    expect(hasBinaries({ gypfile: true })).to.equal(true);
    expect(hasBinaries({ binary: { module_name: "x" } })).to.equal(true);
    expect(hasBinaries({ optionalDependencies: { "@img/sharp-linux-arm64": "1.0.0" } })).to.equal(true);
    expect(hasBinaries({ optionalDependencies: { "@esbuild/linux-x64": "1.0.0" } })).to.equal(true);
    expect(hasBinaries({ optionalDependencies: { "linux-tools": "1.0.0", colours: "1.0.0" } })).to.equal(
      false,
    );
    expect(hasBinaries({})).to.equal(false);
  });

  it("are found from any of their files, nested ones too", () => {
    expect(packageFolder("node_modules/@img/sharp/lib/a.js")).to.equal("node_modules/@img/sharp");
    expect(packageFolder("../x/node_modules/a/node_modules/b/c.js")).to.equal(
      "../x/node_modules/a/node_modules/b",
    );
    expect(packageFolder("functions/shared/keys.ts")).to.equal(undefined);
  });
});
