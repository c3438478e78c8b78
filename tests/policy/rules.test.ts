import { expect } from "chai";
import { evaluate, violationOf } from "../../policy/evaluate.ts";
import {
  createStack,
  isProduction,
  type PolicyResource,
  type Rule,
  read,
  UNKNOWN,
} from "../../policy/model.ts";
import { RULES } from "../../policy/rules.ts";
import { SUPPRESSIONS } from "../../policy/suppressions.ts";
import { FIXTURES } from "./fixtures.ts";

const violations = (rule: Rule, resources: PolicyResource[]) =>
  evaluate([rule], { inputs: resources, outputs: resources }, []).violations;

const inStack = (stack: string, resources: PolicyResource[]) =>
  resources.map((resource) => ({ ...resource, urn: resource.urn.replace(":prod:", `:${stack}:`) }));

describe("policy rules", () => {
  it("have a fixture each, and no fixture is left over", () => {
    expect(Object.keys(FIXTURES).sort()).to.deep.equal(RULES.map(({ id }) => id).sort());
  });

  for (const rule of RULES) {
    const { breaks, keeps } = FIXTURES[rule.id] ?? { breaks: [], keeps: [] };

    it(`${rule.id}: finds what breaks it, once`, () => {
      expect(breaks.length).to.be.greaterThan(0);
      for (const resources of breaks) {
        const found = violations(rule, resources);
        expect(found, JSON.stringify(resources)).to.have.length(1);
        expect(found[0]?.what).to.match(/^[a-z][^\n]+[^.\n]$/);
      }
    });

    it(`${rule.id}: is silent about what keeps it`, () => {
      expect(keeps.length).to.be.greaterThan(0);
      for (const resources of keeps) expect(violations(rule, resources)).to.deep.equal([]);
    });

    it(`${rule.id}: says why, what to do, and who else asks for it`, () => {
      expect(rule.id).to.match(/^[a-z][a-z0-9-]{2,60}$/);
      for (const text of [rule.reason, rule.cure]) expect(text).to.match(/^[A-Z].{10,}\.$/s);
      expect(rule.title).to.match(/^[A-Z].*[^.]$/);
      for (const { id, page } of rule.counterparts) {
        expect(id).to.match(/^(?:CKV_AWS_\d+|[EW]S\d{4}|AWS)$/);
        expect(page).to.match(/^https:\/\//);
      }
    });
  }

  it("for production look at production stacks only", () => {
    for (const rule of RULES.filter(({ productionOnly }) => productionOnly)) {
      for (const resources of FIXTURES[rule.id]?.breaks ?? []) {
        expect(violations(rule, inStack("dev", resources)), rule.id).to.deep.equal([]);
        expect(violations(rule, inStack("prod-eu", resources)), rule.id).to.have.length(1);
      }
    }
  });

  it("know a production stack by its name", () => {
    const urn = (stack: string) => `urn:pulumi:${stack}::project::type::name`;
    for (const stack of ["prod", "production", "prod-eu", "eu-prod", "eu.prod"])
      expect(isProduction(urn(stack)), stack).to.equal(true);
    for (const stack of ["dev", "product", "reprod", "preprod1"])
      expect(isProduction(urn(stack)), stack).to.equal(false);
  });

  it("take no property from an object's prototype", () => {
    const [resource] = FIXTURES["table-encrypted"]?.breaks[0] ?? [];
    expect(read(resource as PolicyResource, "constructor.name")).to.equal(undefined);
  });

  it("say nothing about a value on the way to which something is unknown", () => {
    const resource = { urn: "", type: "", name: "", props: { a: UNKNOWN }, origins: {} };
    expect(read(resource, "a.b.c")).to.equal(UNKNOWN);
  });
});

describe("policy suppressions", () => {
  const rule = RULES.find(({ id }) => id === "route-authorized") as Rule;
  const open = FIXTURES["route-authorized"]?.breaks[0]?.[0] as PolicyResource;
  const because = { rule: rule.id, resource: open.name, reason: "It answers with a constant, for probes." };

  it("name a rule that exists and a reason that a reviewer can disagree with", () => {
    for (const suppression of SUPPRESSIONS) {
      expect(RULES.map(({ id }) => id)).to.include(suppression.rule);
      expect(suppression.reason, suppression.resource).to.match(/^[A-Z].{40,}\.$/s);
    }
  });

  it("hold for their own rule and resource alone", () => {
    const other = { ...open, name: "other" };
    const stack = createStack([]);
    expect(violationOf(rule, open, stack, [because])?.suppressed).to.equal(because);
    expect(violationOf(rule, other, stack, [because])?.suppressed).to.equal(undefined);
    expect(violationOf(rule, open, stack, [{ ...because, rule: "other" }])?.suppressed).to.equal(undefined);
  });

  it("are reported once they suppress nothing", () => {
    const unused = (resources: PolicyResource[]) =>
      evaluate([rule], { inputs: resources, outputs: resources }, [because]).unused;
    expect(unused([open])).to.deep.equal([]);
    expect(unused([])).to.deep.equal([because]);
  });

  it("of a rule for production are not missed elsewhere", () => {
    const versioned = RULES.find(({ id }) => id === "bucket-versioned") as Rule;
    const suppression = { ...because, rule: versioned.id };
    const unused = (stack: string) => {
      const resources = inStack(stack, [open]);
      return evaluate([versioned], { inputs: resources, outputs: resources }, [suppression]).unused;
    };
    expect(unused("dev")).to.deep.equal([]);
    expect(unused("prod")).to.deep.equal([suppression]);
  });
});
