import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { evaluate } from "../../../local/engine/program.ts";
import { temporaryFolder } from "./harness.ts";

const PROGRAM = `
  import * as pulumi from "@pulumi/pulumi";
  import * as aws from "@pulumi/aws";
  import { GetCommand, type DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
  import { prepareCallback } from "./components/packaging/package.ts";

  const table = new aws.dynamodb.Table("readings", { hashKey: "pk", attributes: [{ name: "pk", type: "S" }] });
  const limit = 3;
  function read(client: DynamoDBDocumentClient, pk: string): Promise<unknown> {
    return client.send(new GetCommand({ TableName: table.name.get(), Key: { pk } }));
  }
  const prepared = prepareCallback(
    async (event: { pk: string }, client: DynamoDBDocumentClient) => [await read(client, event.pk), limit],
    { name: "read" },
  );
  export const names = prepared.capturedNames;
  export const variables = Object.keys(prepared.captures);
  export const hash = prepared.bundle.then((bundle) => bundle.hash);
  export const commands = prepared.bundle.then((bundle) => bundle.commands);
  export const environment = prepared.captures;
`;

describe("packaging under Pulumi's own loader", function () {
  this.timeout(120_000);

  function project(): string {
    const directory = temporaryFolder();
    writeFileSync(join(directory, "package.json"), '{ "type": "module", "main": "index.ts" }');
    writeFileSync(join(directory, "Pulumi.yaml"), "name: packaging\nruntime: nodejs\n");
    writeFileSync(join(directory, "index.ts"), PROGRAM);
    for (const name of ["node_modules", "components"])
      symlinkSync(join(process.cwd(), name), join(directory, name));
    return directory;
  }

  it("gives the same package with outputs known and unknown", async () => {
    const directory = project();
    const settings = { project: "packaging", stack: "dev", main: ".", config: {}, secretKeys: [] };
    const [preview, update] = [
      await evaluate({ directory, stack: "dev", dryRun: true, settings }),
      await evaluate({ directory, stack: "dev", dryRun: false, settings }),
    ];
    expect(preview.outputs).to.deep.include({
      names: ["table.name"],
      variables: ["CAPTURE_TABLE_NAME"],
      commands: [{ client: "@aws-sdk/client-dynamodb", command: "GetItemCommand", importer: "index.ts" }],
    });
    expect(preview.outputs.hash)
      .to.match(/^[0-9a-f]{64}$/)
      .and.to.equal(update.outputs.hash);
    expect(update.outputs.environment)
      .to.have.property("CAPTURE_TABLE_NAME")
      .that.matches(/^"readings-[0-9a-f]{7}"$/);
  });
});
