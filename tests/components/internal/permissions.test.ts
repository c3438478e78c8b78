import { expect } from "chai";
import fc from "fast-check";
import { SERVICES } from "../../../components/internal/aws-actions.ts";
import {
  derivePermissions,
  type PermissionRequest,
  withArns,
} from "../../../components/internal/permissions.ts";

import { checkStatements } from "../../../components/internal/wildcards.ts";

const readings = { type: "aws:dynamodb/table:Table", name: "readings", arn: "arn:readings" };
const devices = { type: "aws:dynamodb/table:Table", name: "devices", arn: "arn:devices", indexes: true };
const lake = { type: "aws:s3/bucket:Bucket", name: "lake", arn: "arn:lake" };
const telemetry = { type: "aws:kinesis/stream:Stream", name: "telemetry", arn: "arn:telemetry" };

function uses(client: string, ...commands: string[]): PermissionRequest["commands"] {
  return commands.map((command) => ({
    command,
    client: `@aws-sdk/${client}`,
    importer: "functions/f/handler.ts",
  }));
}

function derive(request: Partial<PermissionRequest>): ReturnType<typeof derivePermissions> {
  return derivePermissions({ functionName: "subject", commands: [], resources: [], ...request });
}

function granted(request: Partial<PermissionRequest>): Record<string, string[]> {
  const { statements } = derive(request);
  return Object.fromEntries(
    statements.flatMap(({ Action, Resource }) => Action.map((action) => [action, Resource])),
  );
}

describe("permissions derived from the code", () => {
  it("grants a command's action on the captured resource of its service only", () => {
    expect(
      derive({ commands: uses("client-dynamodb", "PutItemCommand"), resources: [lake, readings] }),
    ).to.deep.equal({
      statements: [{ Effect: "Allow", Action: ["dynamodb:PutItem"], Resource: ["arn:readings"] }],
      reasons: ["dynamodb:PutItem on readings: PutItemCommand in functions/f/handler.ts"],
    });
  });

  it("grants nothing to a function that sends nothing", () => {
    expect(derive({ resources: [readings] }).statements).to.deep.equal([]);
  });

  it("grants objects for object commands and the bucket itself for listing", () => {
    const commands = uses("client-s3", "GetObjectCommand", "ListObjectsV2Command", "CopyObjectCommand");
    expect(granted({ commands, resources: [lake] })).to.deep.equal({
      "s3:GetObject": ["arn:lake/*"],
      "s3:PutObject": ["arn:lake/*"],
      "s3:ListBucket": ["arn:lake"],
    });
  });

  it("grants a table's indexes for queries where it has some", () => {
    const commands = uses("client-dynamodb", "QueryCommand", "GetItemCommand");
    expect(granted({ commands, resources: [devices] })).to.deep.equal({
      "dynamodb:GetItem": ["arn:devices"],
      "dynamodb:Query": ["arn:devices", "arn:devices/index/*"],
    });
    expect(granted({ commands, resources: [readings] })["dynamodb:Query"]).to.deep.equal(["arn:readings"]);
  });

  it("grants a transaction the action of each item it may hold", () => {
    expect(
      granted({ commands: uses("client-dynamodb", "TransactWriteItemsCommand"), resources: [readings] }),
    ).to.have.all.keys(
      "dynamodb:ConditionCheckItem",
      "dynamodb:DeleteItem",
      "dynamodb:PutItem",
      "dynamodb:UpdateItem",
    );
  });

  it("knows the helpers that send commands of their own", () => {
    const actions = (client: string, name: string): string[] =>
      Object.keys(granted({ commands: uses(client, name), resources: [lake, readings] }));
    expect(actions("s3-presigned-post", "createPresignedPost")).to.deep.equal(["s3:PutObject"]);
    expect(actions("lib-storage", "Upload")).to.deep.equal(["s3:AbortMultipartUpload", "s3:PutObject"]);
    expect(actions("s3-request-presigner", "getSignedUrl")).to.deep.equal([]);
    expect(actions("client-dynamodb", "paginateScan")).to.deep.equal(["dynamodb:Scan"]);
    expect(actions("client-dynamodb", "waitUntilTableExists")).to.deep.equal(["dynamodb:DescribeTable"]);
    expect(actions("client-s3", "waitUntilObjectExists")).to.deep.equal(["s3:GetObject"]);
  });

  it("gives one command to both of two resources", () => {
    const result = derive({
      commands: uses("client-dynamodb", "PutItemCommand"),
      resources: [readings, devices],
    });
    expect(result.statements).to.deep.equal([
      { Effect: "Allow", Action: ["dynamodb:PutItem"], Resource: ["arn:devices", "arn:readings"] },
    ]);
  });

  describe("two resources of a service and commands of different actions", () => {
    const commands = uses("client-dynamodb", "PutItemCommand", "QueryCommand");
    const resources = [readings, devices];

    it("asks for access, with the text to paste", () => {
      expect(() => derive({ commands, resources })).to.throw(
        'Function "subject": it holds 2 tables (devices, readings) and sends PutItemCommand, QueryCommand; which goes to which cannot be told from the code. Say it, leaving out what a table does not need: access: { devices: ["PutItemCommand", "QueryCommand"], readings: ["PutItemCommand", "QueryCommand"] }',
      );
    });

    it("grants what access says, in lib-dynamodb's names too", () => {
      expect(
        granted({ commands, resources, access: { readings: ["PutCommand"], devices: ["QueryCommand"] } }),
      ).to.deep.equal({
        "dynamodb:PutItem": ["arn:readings"],
        "dynamodb:Query": ["arn:devices", "arn:devices/index/*"],
      });
    });

    it("does not ask where all commands need the same actions", () => {
      const put = [
        ...uses("client-s3", "PutObjectCommand"),
        ...uses("s3-presigned-post", "createPresignedPost"),
      ];
      const other = { ...lake, name: "other", arn: "arn:other" };
      expect(granted({ commands: put, resources: [lake, other] })).to.deep.equal({
        "s3:PutObject": ["arn:lake/*", "arn:other/*"],
      });
    });

    it("refuses access that names what is not captured, not imported, or leaves a command out", () => {
      const access = (value: Record<string, string[]>) => () =>
        derive({ commands, resources, access: value });
      expect(access({ tables: ["PutCommand"] })).to.throw(
        "access names 'tables', which the callback does not capture. It captures: devices, readings.",
      );
      expect(access({ readings: ["ScanCommand"] })).to.throw(
        "access gives 'readings' the command 'ScanCommand', which its code does not import",
      );
      expect(access({ readings: ["PutItemCommand"] })).to.throw(
        "imports 'QueryCommand', and access gives it to no resource. Add it to one of: readings.",
      );
    });
  });

  describe("what cannot be derived", () => {
    it("refuses an unknown command, naming it and the way out", () => {
      expect(() =>
        derive({ commands: uses("client-s3", "CreateBucketCommand"), resources: [lake] }),
      ).to.throw(
        "functions/f/handler.ts imports 'CreateBucketCommand' from '@aws-sdk/client-s3', and no permission is known for it",
      );
      for (const name of ["toStringCommand", "__proto__Command", "constructorCommand"]) {
        expect(() => derive({ commands: uses("client-s3", name), resources: [lake] })).to.throw(
          "no permission is known",
        );
      }
    });

    it("refuses clients that hold every command, naming what to import", () => {
      expect(() => derive({ commands: uses("client-s3", "S3"), resources: [lake] })).to.throw(
        /holds every command.*e\.g\. GetObject\w*Command/,
      );
      expect(() =>
        derive({ commands: uses("lib-dynamodb", "DynamoDBDocument"), resources: [readings] }),
      ).to.throw("holds every command");
    });

    it("refuses a command without a captured resource to send it to, unless permissions are given", () => {
      const commands = uses("client-kinesis", "PutRecordCommand");
      expect(() => derive({ commands, resources: [readings] })).to.throw(
        "imports 'PutRecordCommand', but the callback captures no stream to send it to",
      );
      const extra = [{ actions: ["kinesis:PutRecord"], resources: ["arn:elsewhere"] }];
      expect(granted({ commands, extra })).to.deep.equal({ "kinesis:PutRecord": ["arn:elsewhere"] });
    });
  });

  describe("permissions by hand", () => {
    it("are merged with the derived ones", () => {
      const extra = [{ actions: ["kinesis:PutRecord"], resources: ["arn:telemetry"] }];
      expect(
        derive({ commands: uses("client-kinesis", "PutRecordsCommand"), resources: [telemetry], extra })
          .statements,
      ).to.deep.equal([
        { Effect: "Allow", Action: ["kinesis:PutRecord", "kinesis:PutRecords"], Resource: ["arn:telemetry"] },
      ]);
    });

    it("may hold the bare resource * only where AWS defines none, and say why", () => {
      const tracing = [{ actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources: ["*"] }];
      expect(derive({ extra: tracing }).reasons[1]).to.equal(
        "xray:PutTraceSegments on *: permissions (X-Ray defines no resource for it)",
      );
    });

    it("hold a wildcard only after a resource's name", () => {
      const on = (resource: string) => () =>
        derive({ extra: [{ actions: ["dynamodb:GetItem"], resources: [resource] }] });
      for (const resource of [
        "*",
        "**",
        "*:*",
        "",
        "arn:aws:s3:::*",
        "arn:aws:s3:::*/raw",
        "arn:aws:dynamodb:*:*:table/readings",
        "arn:aws:dynamodb:us-east-1:000000000000:table/*",
        "arn:aws:dynamodb:us-east-1:000000000000:table/read*",
        "arn:aws:dynamodb:us-east-1:000000000000:table/reading?",
      ]) {
        expect(on(resource), resource).to.throw(`on '${resource}'. Name the resource's ARN`);
      }
      for (const resource of [
        "arn:aws:s3:::lake/raw/*",
        "arn:aws:dynamodb:us-east-1:000000000000:table/readings/index/*",
        "arn:aws:logs:us-east-1:000000000000:log-group:access:*",
        "arn:aws:execute-api:us-east-1:000000000000:a1b2c3/*",
      ]) {
        expect(on(resource), resource).not.to.throw();
      }
    });

    it("are checked again once a deployment knows the ARNs", () => {
      const statements = derive({ extra: [{ actions: ["s3:GetObject"], resources: ["{0}"] }] }).statements;
      expect(() => checkStatements("f", withArns(statements, { "{0}": "*" }))).to.throw(
        `Function "f": permissions grants 's3:GetObject' on '*'`,
      );
    });

    it("hold no * in actions", () => {
      for (const action of ["*", "dynamodb:*", "dynamodb:Get*", "PutItem"]) {
        expect(() => derive({ extra: [{ actions: [action], resources: ["arn:readings"] }] })).to.throw(
          "Write one action in full",
        );
      }
    });
  });

  it("puts ARNs in the place of placeholders", () => {
    const { statements } = derive({
      commands: uses("client-dynamodb", "QueryCommand"),
      resources: [devices],
    });
    expect(
      withArns(statements, { "arn:devices": "arn:aws:dynamodb:eu-north-1:1:table/devices-1" })[0]?.Resource,
    ).to.deep.equal([
      "arn:aws:dynamodb:eu-north-1:1:table/devices-1",
      "arn:aws:dynamodb:eu-north-1:1:table/devices-1/index/*",
    ]);
  });

  it("gives the same text whatever the order, and never a wildcard beyond a named ARN", () => {
    const every = Object.entries(SERVICES).flatMap(([client, { commands }]) =>
      Object.keys(commands).map((verb) => ({
        client,
        command: `${verb}Command`,
        importer: "functions/f/handler.ts",
      })),
    );
    const resources = Object.values(SERVICES).map(({ types }) => ({
      type: types[0] ?? "",
      name: types[0] ?? "",
      arn: `arn:${types[0]}`,
    }));
    fc.assert(
      fc.property(
        fc.shuffledSubarray(every),
        fc.shuffledSubarray(resources, { minLength: resources.length }),
        (commands, shuffled) => {
          const actual = derive({ commands, resources: shuffled });
          const expected = derive({ commands: commands.toReversed(), resources });
          expect(JSON.stringify(actual)).to.equal(JSON.stringify(expected));
          for (const { Action, Resource } of actual.statements) {
            expect(Action.join()).not.to.contain("*");
            for (const each of Resource) expect(each).to.match(/^arn:[^*]+(\/\*|\/index\/\*)?$/);
          }
        },
      ),
    );
  });
});
