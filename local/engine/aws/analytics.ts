/** The data catalogue and SQL over it: declared, and queried by people, so outputs are all there is. */
import { arn, type Blueprint, type BlueprintContext, text } from "./blueprint.ts";

const createDatabase = ({ inputs, environment }: BlueprintContext) => {
  const name = text(inputs, "name");
  const outputs = { name, catalogId: environment.account, arn: arn(environment, "glue", `database/${name}`) };
  return { id: `${environment.account}:${name}`, outputs };
};

const createTable = ({ inputs, environment }: BlueprintContext) => {
  const path = `${text(inputs, "databaseName")}/${text(inputs, "name")}`;
  return {
    id: `${environment.account}:${path.replace("/", ":")}`,
    outputs: { catalogId: environment.account, arn: arn(environment, "glue", `table/${path}`) },
  };
};

const createWorkgroup = ({ name, environment }: BlueprintContext) => ({
  id: name,
  outputs: { arn: arn(environment, "athena", `workgroup/${name}`) },
});

/** https://docs.aws.amazon.com/athena/latest/APIReference/API_CreateWorkGroup.html */
const WORKGROUP_NAME = {
  property: "name",
  max: 128,
  unique: true,
  pattern: /^[A-Za-z0-9._-]+$/,
  characters: "letters, digits, `-`, `_` and `.`",
};

export const ANALYTICS: Record<string, Blueprint> = {
  "aws:glue/catalogDatabase:CatalogDatabase": { create: createDatabase },
  "aws:glue/catalogTable:CatalogTable": { create: createTable },
  "aws:athena/workgroup:Workgroup": {
    naming: WORKGROUP_NAME,
    defaults: { state: "ENABLED", forceDestroy: false },
    create: createWorkgroup,
  },
};
