import { zstdDecompressSync } from "node:zlib";
import type { PutObjectCommandInput, S3Client } from "@aws-sdk/client-s3";
import { expect } from "chai";
import fc from "fast-check";
import { foldRecords } from "../../../functions/aggregate-readings/core.ts";
import { archiveReadings } from "../../../functions/archive-readings/handler.ts";
import { asEnvelope, senderOf, telemetryTopic } from "../../../functions/shared/envelope.ts";
import { event, NOW, reading, silent } from "../fakes.ts";

const RECEIVED = NOW - 40;

/** What the topic rule writes for these bytes. */
const published = (bytes: unknown, topic = telemetryTopic("d1")): Record<string, unknown> => {
  const text = typeof bytes === "string" || Buffer.isBuffer(bytes) ? bytes : JSON.stringify(bytes);
  return { payload: Buffer.from(text).toString("base64"), topic, receivedAt: RECEIVED };
};

/** The lake's lines for these records. */
async function archived(...payloads: unknown[]) {
  const lines: { raw: Record<string, unknown>[]; quarantine: Record<string, unknown>[] } = {
    raw: [],
    quarantine: [],
  };
  const send = async ({ input }: { input: PutObjectCommandInput }) => {
    const body = input.Body as Buffer;
    const isRaw = String(input.Key).startsWith("raw/");
    const text = (isRaw ? zstdDecompressSync(body) : body).toString().trimEnd();
    lines[isRaw ? "raw" : "quarantine"].push(...text.split("\n").map((line) => JSON.parse(line)));
  };
  const client = { send } as unknown as S3Client;
  await archiveReadings(event(...payloads), { bucket: "lake", client, logger: silent, emit: () => {} });
  return lines;
}

const textOf = (line: Record<string, unknown> | undefined): string =>
  Buffer.from(String(line?.data), "base64").toString("latin1");

describe("what comes over MQTT", () => {
  it("is counted and archived like any reading, with the time of the broker and its correlation id", async () => {
    const sent = [published(reading({ correlationId: "c1" })), published([reading(), reading({ value: 1 })])];
    const { readings, invalid } = foldRecords(event(...sent).Records);
    expect({ readings, invalid }).to.deep.equal({ readings: 3, invalid: 0 });
    const { raw, quarantine } = await archived(...sent);
    expect(quarantine).to.deep.equal([]);
    expect(raw.map(({ value, index }) => [value, index])).to.deep.equal([
      [21.5, 0],
      [21.5, 0],
      [1, 1],
    ]);
    expect(raw[0]).to.include({ correlationId: "c1", receivedAt: "2026-01-31T11:59:59.960Z" });
  });

  it("goes to quarantine with its own bytes when it is no JSON, no text at all, or another shape", async () => {
    const bytes = Buffer.from([0, 255, 0x7b, 0x80]);
    const sent = [
      published('{"deviceId": "d1", oops'),
      published(bytes),
      published({ hello: 1 }),
      published(""),
    ];
    expect(foldRecords(event(...sent).Records)).to.include({ readings: 0, invalid: 4 });
    const { raw, quarantine } = await archived(...sent);
    expect(raw).to.deep.equal([]);
    expect(quarantine.map(({ reason }) => reason)).to.deep.equal([
      "not JSON",
      "not JSON",
      'unknown key "hello"',
      "not JSON",
    ]);
    expect(quarantine.map(textOf)).to.deep.equal([
      '{"deviceId": "d1", oops',
      bytes.toString("latin1"),
      '{"hello":1}',
      "",
    ]);
    expect(quarantine[0]).to.include({ topic: "devices/d1/telemetry", index: null });
  });

  it("goes to quarantine when it is another device's, alone or among the sender's own", async () => {
    const foreign = reading({ deviceId: "d2" });
    const sent = [published(foreign), published([reading(), foreign])];
    expect(foldRecords(event(...sent).Records)).to.include({ readings: 1, invalid: 2 });
    const { raw, quarantine } = await archived(...sent);
    expect(raw).to.have.length(1);
    expect(quarantine.map(({ reason, index }) => [reason, index])).to.deep.equal([
      ['deviceId is "d2", but it was published under the name of "d1"', null],
      ['deviceId is "d2", but it was published under the name of "d1"', 1],
    ]);
    expect(quarantine.map(textOf)).to.deep.equal([JSON.stringify(foreign), JSON.stringify(foreign)]);
  });

  it("goes to quarantine when its topic is no device's", async () => {
    const { quarantine } = await archived(published(reading(), "devices/d1/telemetry/x"));
    expect(quarantine[0]?.reason).to.match(/"devices\/d1\/telemetry\/x" is no device's/);
  });

  it("is opened once: an envelope in an envelope is no reading", async () => {
    const { raw, quarantine } = await archived(published(published(reading())));
    expect(raw).to.deep.equal([]);
    expect(quarantine[0]?.reason).to.equal('unknown key "payload"');
  });

  it("does not lend its sender to the next record", () => {
    const { readings, invalid } = foldRecords(event(published("{"), reading({ deviceId: "d2" })).Records);
    expect({ readings, invalid }).to.deep.equal({ readings: 1, invalid: 1 });
  });

  it("is counted exactly when it is archived, whatever it is", async () => {
    const payload = fc.oneof(
      fc.json(),
      fc.string(),
      fc.constantFrom(JSON.stringify(reading()), JSON.stringify([reading(), reading({ deviceId: "d2" })])),
    );
    const envelope = fc.record(
      {
        payload: fc.oneof(
          fc.string(),
          payload.map((text) => Buffer.from(text).toString("base64")),
        ),
        topic: fc.oneof(fc.string(), fc.constant(telemetryTopic("d1"))),
        receivedAt: fc.oneof(fc.double(), fc.constant(RECEIVED)),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(envelope, async (each) => {
        const folded = foldRecords(event(each).Records);
        const { raw, quarantine } = await archived(each);
        expect([folded.readings, folded.invalid]).to.deep.equal([raw.length, quarantine.length]);
      }),
      { numRuns: 200 },
    );
  });
});

describe("an envelope", () => {
  it("is what has bytes, a topic and a time of the right kinds", () => {
    expect(asEnvelope(published("x"))).to.include({ receivedAt: RECEIVED });
    for (const value of [
      null,
      [],
      "x",
      reading(),
      { ...published("x"), payload: 1 },
      { ...published("x"), topic: "t".repeat(257) },
      { ...published("x"), receivedAt: 1e300 },
    ]) {
      expect(asEnvelope(value), JSON.stringify(value)).to.equal(undefined);
    }
  });

  it("names its device", () => {
    expect(senderOf({ payload: "", topic: "devices/a b/telemetry", receivedAt: 0 })).to.equal("a b");
    expect(() => senderOf({ payload: "", topic: "devices//telemetry", receivedAt: 0 })).to.throw(
      "no device's",
    );
  });
});
