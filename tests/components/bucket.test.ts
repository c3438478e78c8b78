import { expect } from "chai";
import { Bucket } from "../../components/bucket.ts";
import { find, type Registered, recordResources, resolved, settled } from "../helpers/mocks.ts";

async function create(args: ConstructorParameters<typeof Bucket>[1] = {}): Promise<Registered[]> {
  const resources = recordResources();
  const bucket = new Bucket("lake", args);
  await settled(bucket);
  await resolved(bucket.objectsArn);
  while (!resources.some(({ name }) => name === "lake-lifecycle")) await new Promise(setImmediate);
  while (!resources.some(({ name }) => name === "lake-tls-only")) await new Promise(setImmediate);
  return resources;
}

describe("Bucket", () => {
  it("is private, owner-enforced, encrypted, versioned and TLS only by default", async () => {
    const resources = await create();
    expect(
      find(resources, "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "lake-access-block"),
    ).to.deep.equal({
      bucket: "lake-bucket-id",
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    expect(
      find(resources, "aws:s3/bucketOwnershipControls:BucketOwnershipControls", "lake-ownership").rule,
    ).to.deep.equal({
      objectOwnership: "BucketOwnerEnforced",
    });
    expect(
      find(resources, "aws:s3/bucketVersioning:BucketVersioning", "lake-versioning").versioningConfiguration,
    ).to.deep.equal({
      status: "Enabled",
    });
    const { policy } = find(resources, "aws:s3/bucketPolicy:BucketPolicy", "lake-tls-only");
    expect(JSON.parse(String(policy)).Statement[0]).to.deep.include({
      Effect: "Deny",
      Resource: ["arn:aws:test:::lake-bucket", "arn:aws:test:::lake-bucket/*"],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    });
  });

  it("tells the rules of like prefixes apart", async () => {
    const resources = await create({ expiration: { "a/b": 1, "a-b": 2, "a/b/": 3 } });
    const { rules } = find(
      resources,
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
      "lake-lifecycle",
    );
    const ids = (rules as { id: string }[]).map(({ id }) => id);
    expect(new Set(ids).size).to.equal(4);
  });

  it("opens to the given pages only, for forms and reads", async () => {
    const type = "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration";
    const resources = await create({ corsOrigins: ["https://app.example.com"] });
    while (!resources.some(({ name }) => name === "lake-cors")) await new Promise(setImmediate);
    expect(find(resources, type, "lake-cors")).to.deep.equal({
      bucket: "lake-bucket-id",
      corsRules: [
        {
          allowedOrigins: ["https://app.example.com"],
          allowedMethods: ["GET", "POST"],
          allowedHeaders: ["*"],
        },
      ],
    });
    expect((await create({ corsOrigins: [] })).some((each) => each.type === type)).to.equal(false);
  });

  it("drops abandoned uploads, old versions and what expires", async () => {
    const resources = await create({ expiration: { "quarantine/": 90 }, noncurrentVersionDays: 5 });
    const { rules } = find(
      resources,
      "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
      "lake-lifecycle",
    );
    expect(rules).to.deep.equal([
      {
        id: "housekeeping",
        status: "Enabled",
        filter: {},
        abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
        noncurrentVersionExpiration: { noncurrentDays: 5 },
      },
      {
        id: "expire-quarantine/",
        status: "Enabled",
        filter: { prefix: "quarantine/" },
        expiration: { days: 90 },
      },
    ]);
  });

  it("refuses what S3 would refuse late, naming the bucket", () => {
    recordResources();
    expect(() => new Bucket("Lake")).to.throw('Bucket "Lake": "Lake-bucket" cannot name a bucket');
    expect(() => new Bucket("b".repeat(60))).to.throw("AWS allows 63");
    expect(() => new Bucket("lake", { noncurrentVersionDays: 0 })).to.throw("noncurrentVersionDays is 0");
    expect(() => new Bucket("lake", { expiration: { "x/": -1 } })).to.throw('expiration["x/"] is -1');
    expect(() => new Bucket("lake", { acl: "public-read" } as object)).to.throw('unknown argument "acl"');
  });
});
