/**
 * Where `pulumi preview --policy-pack policy` enters. Plain JavaScript on purpose: Pulumi's loader registers a
 * ts-node of its own that cannot be switched off (pulumi#4830) and refuses `.ts` import extensions. An ESM entry goes
 * past it, so the rules run as the rest of the project does: docs/adr/0020-policy-pack-entry.md.
 */
import { servePack } from "./pack.ts";

servePack();
