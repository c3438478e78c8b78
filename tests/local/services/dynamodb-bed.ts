/** DynamoDB behind an endpoint, with a table and clients, for the tests of its data plane. */

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient, GetCommand, PutCommand } from "@aws-sdk/lib-dynamodb";
import { VirtualClock } from "../../../local/kit/clock.ts";
import { DynamoDb } from "../../../local/services/dynamodb.ts";
import type { Endpoint } from "../../../local/services/endpoint.ts";
import { authorization, callJson, clientConfig, type JsonAnswer, PLACE, start } from "./aws.ts";

export const TableName = "readings";
export const TABLE = {
  TableName,
  BillingMode: "PAY_PER_REQUEST",
  AttributeDefinitions: ["pk", "sk", "kind"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
  KeySchema: [
    { AttributeName: "pk", KeyType: "HASH" },
    { AttributeName: "sk", KeyType: "RANGE" },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: "byKind",
      KeySchema: [
        { AttributeName: "kind", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "ALL" },
    },
  ],
  StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" },
};

export interface Bed {
  clock: VirtualClock;
  dynamodb: DynamoDb;
  endpoint: Endpoint;
  client: DynamoDBClient;
  documents: DynamoDBDocumentClient;
  /** Decides what the caller may do; everything unless a test sets it. */
  refuse: (action: string, resource: string) => boolean;
  put(item: Record<string, unknown>): Promise<unknown>;
  get(pk: string, sk: string): Promise<Record<string, unknown> | undefined>;
  /** One raw request. */
  call(operation: string, body: unknown): Promise<JsonAnswer>;
  /** Event name and sort key of every captured change. */
  changes(): unknown[];
  stop(): Promise<void>;
}

export const openBed = async (): Promise<Bed> => {
  const clock = new VirtualClock();
  const dynamodb = await DynamoDb.start({ ...PLACE, clock });
  await dynamodb.createTable(TABLE);
  const endpoint = await start({
    json: [dynamodb],
    authorise: (_, action, resource) =>
      bed.refuse(action, resource) ? { allowed: false, message: `${action} ${resource}` } : { allowed: true },
  });
  const client = new DynamoDBClient(clientConfig(endpoint));
  const documents = DynamoDBDocumentClient.from(client);
  const headers = {
    authorization: authorization("dynamodb"),
    "content-type": "application/x-amz-json-1.0",
  };
  const bed: Bed = {
    clock,
    dynamodb,
    endpoint,
    client,
    documents,
    refuse: () => false,
    put: (Item) => documents.send(new PutCommand({ TableName, Item })),
    get: async (pk, sk) => (await documents.send(new GetCommand({ TableName, Key: { pk, sk } }))).Item,
    call: (operation, body) => {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      return callJson(endpoint, `DynamoDB_20120810.${operation}`, text, headers);
    },
    changes: () =>
      dynamodb.streams
        .read(TableName, 0)
        .records.map(({ eventName, dynamodb: { Keys } }) => [eventName, Keys.sk?.S]),
    stop: async () => {
      client.destroy();
      await endpoint.close();
      await dynamodb.close();
    },
  };
  return bed;
};
