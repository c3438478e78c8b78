import { expect } from "chai";
import { HOUR, JOB, LakeBed, line, PLANNING } from "../lake-bed.ts";

const NOW = Date.parse(`${HOUR}:30:00Z`);

const PLANNED = { ...JOB, correlationId: PLANNING };

describe("plan-compaction's handler", () => {
  let bed: LakeBed;

  beforeEach(async () => {
    bed = await LakeBed.open();
    await bed.write("a", line(1));
  });
  afterEach(() => bed.close());

  it("queues a changed hour, however often its schedule comes, until the hour is built", async () => {
    await bed.plan(NOW);
    await bed.plan(NOW);
    const jobs = await bed.compactions();
    expect(jobs).to.deep.equal([PLANNED, PLANNED]);
    expect(await bed.run(...jobs)).to.deep.equal([]);
    expect(bed.emitted).to.have.length(1);
    await bed.plan(NOW);
    expect(await bed.compactions()).to.deep.equal([]);
  });

  it("finds what a schedule that came late or out of order had missed", async () => {
    await bed.plan(NOW + 47 * 3_600_000);
    await bed.plan(NOW - 3_600_000);
    expect(await bed.compactions()).to.deep.equal([PLANNED]);
    await bed.plan(NOW + 48 * 3_600_000);
    expect(await bed.compactions()).to.deep.equal([]);
  });

  it("does a backfill that comes twice, and is done with one that asks for nothing possible", async () => {
    const backfill = JSON.stringify({ from: HOUR, to: HOUR });
    await bed.plan(NOW, backfill, "{}", backfill);
    const jobs = await bed.compactions();
    expect(jobs).to.deep.equal([
      { ...JOB, correlationId: "0" },
      { ...JOB, correlationId: "2" },
    ]);
    expect(await bed.run(...jobs)).to.deep.equal([]);
    expect(await bed.built()).to.have.length(1);
  });

  it("fails as a whole when it cannot ask, so that it comes again, and queues nothing by halves", async () => {
    for (const place of ["ListObjectsV2", "Query", "SendMessageBatch"]) {
      bed.fault = (command) => command === place;
      const failure = await bed.plan(NOW).catch((error: Error) => error);
      expect(failure, place).to.be.instanceOf(Error);
    }
    bed.fault = () => false;
    expect(await bed.compactions()).to.deep.equal([]);
  });
});
