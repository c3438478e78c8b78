import { expect } from "chai";
import { plain, type ResourceNode } from "../../local/engine/graph.ts";
import { evaluate } from "../../local/engine/program.ts";
import { readSettings } from "../../local/engine/settings.ts";
import { ROOT } from "../helpers/source-files.ts";

type Properties = Record<string, unknown>;

describe("Analytics", function () {
  this.timeout(60_000);
  let nodes: ResourceNode[] = [];
  const of = (type: string): Properties[] =>
    nodes.filter((node) => node.type === type).map((node) => plain(node.outputs) as Properties);

  before(async () => {
    const settings = await readSettings(ROOT, "prod");
    nodes = (await evaluate({ directory: ROOT, stack: "prod", dryRun: false, settings })).resources;
  });

  it("declares a table per folder, its days projected", () => {
    expect(of("aws:glue/catalogDatabase:CatalogDatabase").map(({ name }) => name)).to.deep.equal([
      "serverless_first_prod",
    ]);
    const tables = of("aws:glue/catalogTable:CatalogTable");
    expect(tables.map(({ name }) => name).sort()).to.deep.equal(["readings", "reports"]);
    for (const { name, parameters, partitionKeys, databaseName } of tables) {
      expect(databaseName).to.equal("serverless_first_prod");
      expect((partitionKeys as Properties[]).map(({ name: key }) => key)).to.deep.equal(["dt"]);
      expect(parameters).to.include({
        "projection.enabled": "true",
        "projection.dt.type": "date",
        classification: "parquet",
      });
      expect((parameters as Properties)["storage.location.template"]).to.match(
        new RegExp(`^s3://[^/]+/curated/${name}/dt=\\$\\{dt\\}/$`),
      );
    }
  });

  it("ends a query that scans too much, and keeps results encrypted and for a while", () => {
    const [workgroup] = of("aws:athena/workgroup:Workgroup");
    const configuration = workgroup?.configuration as Properties;
    expect(configuration).to.deep.include({
      bytesScannedCutoffPerQuery: 100_000_000_000,
      enforceWorkgroupConfiguration: true,
    });
    expect(configuration.resultConfiguration).to.deep.include({
      encryptionConfiguration: { encryptionOption: "SSE_S3" },
    });
    expect(nodes.map(({ name }) => name)).to.include("lake-sql-results-bucket");
  });
});
