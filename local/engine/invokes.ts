/** Functions of providers that a program may call while it is evaluated (`aws.getRegion()`), answered locally. */
import {
  arn,
  dnsSuffixOf,
  type Environment,
  globalArn,
  partitionOf,
  shortRegion,
  text,
} from "./aws/blueprint.ts";
import { iotEndpoint } from "./aws/iot.ts";
import { routeTableOf } from "./aws/network.ts";
import type { PropertyMap } from "./graph.ts";
import { renderPolicyDocument } from "./policy-document.ts";

type Invoke = (args: PropertyMap, environment: Environment) => PropertyMap;

const callerIdentity: Invoke = (_args, environment) => ({
  id: environment.account,
  accountId: environment.account,
  arn: globalArn(environment, "iam", "root"),
  userId: environment.account,
});

const region: Invoke = (args, environment) => {
  const name = text(args, "region") || environment.region;
  return { id: name, name, region: name, description: name, endpoint: `ec2.${name}.${dnsSuffixOf(name)}` };
};

const partition: Invoke = (_args, environment) => {
  const name = partitionOf(environment.region);
  const dnsSuffix = dnsSuffixOf(environment.region);
  return { id: name, partition: name, dnsSuffix, reverseDnsPrefix: dnsSuffix.split(".").reverse().join(".") };
};

const availabilityZones: Invoke = (args, environment) => {
  const name = text(args, "region") || environment.region;
  const excluded = Array.isArray(args.excludeNames) ? args.excludeNames : [];
  const zones = ["a", "b", "c"]
    .map((letter, index) => ({ name: `${name}${letter}`, id: `${shortRegion(name)}-az${index + 1}` }))
    .filter((zone) => !excluded.includes(zone.name));
  return {
    id: name,
    region: name,
    names: zones.map((zone) => zone.name),
    zoneIds: zones.map((zone) => zone.id),
    groupNames: [name],
    state: "available",
  };
};

const servicePrincipal: Invoke = (args, environment) => {
  const name = text(args, "region") || environment.region;
  const service = text(args, "serviceName");
  const principal = `${service}.${dnsSuffixOf(name)}`;
  return {
    id: `${service}.${name}.${dnsSuffixOf(name)}`,
    name: principal,
    region: name,
    suffix: dnsSuffixOf(name),
  };
};

/** https://docs.aws.amazon.com/iot/latest/apireference/API_DescribeEndpoint.html */
const deviceEndpoint: Invoke = (args, environment) => {
  const endpointType = text(args, "endpointType") || "iot:Data-ATS";
  const endpointAddress = iotEndpoint({ ...environment, region: text(args, "region") || environment.region });
  return { id: endpointAddress, endpointType, endpointAddress, region: environment.region };
};

/** A subnet's own route table, or a network's main one. */
const routeTable: Invoke = (args, environment) => {
  const [subnetId, vpcId] = [text(args, "subnetId"), text(args, "vpcId")];
  const routeTableId = text(args, "routeTableId") || routeTableOf(subnetId || vpcId);
  return {
    id: routeTableId,
    routeTableId,
    subnetId,
    vpcId,
    arn: arn(environment, "ec2", `route-table/${routeTableId}`),
    ownerId: environment.account,
    region: text(args, "region") || environment.region,
    gatewayId: "",
    associations: [],
    routes: [],
    tags: {},
  };
};

const INVOKES: Record<string, Invoke> = {
  "aws:index/getCallerIdentity:getCallerIdentity": callerIdentity,
  "aws:index/getRegion:getRegion": region,
  "aws:index/getPartition:getPartition": partition,
  "aws:index/getAvailabilityZones:getAvailabilityZones": availabilityZones,
  "aws:index/getServicePrincipal:getServicePrincipal": servicePrincipal,
  "aws:index/getDefaultTags:getDefaultTags": () => ({ id: "default", tags: {} }),
  "aws:iot/getEndpoint:getEndpoint": deviceEndpoint,
  "aws:ec2/getRouteTable:getRouteTable": routeTable,
  "aws:iam/getPolicyDocument:getPolicyDocument": (args) => renderPolicyDocument(args),
};

/** The answer to an invoke. Throws for one that has no local answer, with the way out. */
export const answerInvoke = (token: string, args: PropertyMap, environment: Environment): PropertyMap => {
  const invoke = Object.hasOwn(INVOKES, token) ? INVOKES[token] : undefined;
  if (invoke) return invoke(args, environment);
  throw new Error(
    `The program calls "${token}", which asks AWS about something outside the program: nothing answers it here. Take the value from the stack's config instead. Answered: ${Object.keys(INVOKES).map(shortName).join(", ")}.`,
  );
};

const shortName = (token: string): string => token.slice(token.lastIndexOf(":") + 1);
