/**
 * Serverless caches on this machine, and how functions find them: their variables name the loopback address, and Node
 * is given the certificate that answers there.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Applier } from "./deployment.ts";
import { type Graph, plain, type ResourceNode } from "./engine/graph.ts";
import type { Clock } from "./kit/clock.ts";
import {
  type CacheProcess,
  type CacheUser,
  findCacheProgram,
  startCacheProcess,
} from "./services/cache-process.ts";
import { startCacheServer } from "./services/cache-server.ts";
import { type Certificate, loopbackCertificate } from "./services/certificate.ts";

type Properties = Record<string, unknown>;

export interface CachesOptions {
  clock: Clock;
  /** Where a server's program is looked for. @default the PATH of this process */
  path?: string;
  /** A line for the console. */
  log(line: string): void;
}

const properties = (node: ResourceNode): Properties => plain(node.outputs) as Properties;
const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** The users of a cache's group. */
function cacheUsers(node: ResourceNode, graph: Graph): CacheUser[] {
  const byId = (type: string, key: string, ids: string[]): Properties[] =>
    graph.resources
      .filter((other) => other.type === type)
      .map(properties)
      .filter((found) => ids.includes(String(found[key])));
  const groupId = String(properties(node).userGroupId ?? "");
  const groups = byId("aws:elasticache/userGroup:UserGroup", "userGroupId", [groupId]);
  const ids = groups.flatMap(({ userIds }) => strings(userIds));
  return byId("aws:elasticache/user:User", "userId", ids).map(({ userName, accessString }) => ({
    name: String(userName),
    access: String(accessString),
  }));
}

/** Where a cache answers on AWS. */
const endpointOf = (node: ResourceNode): string => {
  const [endpoint] = properties(node).endpoints as { address: string; port: number }[];
  return `${endpoint?.address}:${endpoint?.port}`;
};

/** All caches of a program. */
export class Caches {
  readonly #options: CachesOptions;
  /** AWS's address -> the loopback one. */
  readonly #addresses = new Map<string, string>();
  readonly #stops = new Set<() => Promise<void>>();
  #authority: Promise<{ directory: string; file: string; certificate: Certificate }> | undefined;
  #file = "";

  constructor(options: CachesOptions) {
    this.#options = options;
  }

  /** A function's variables as they are here: the address of a cache, and whom to trust there. */
  localise(variables: Record<string, string>): Record<string, string> {
    let isMember = false;
    const entries = Object.entries(variables).map(([name, value]) => {
      let text = value;
      for (const [aws, local] of this.#addresses) text = text.replaceAll(aws, local);
      isMember ||= text !== value;
      return [name, text] as const;
    });
    const trust: Record<string, string> = isMember ? { NODE_EXTRA_CA_CERTS: this.#file } : {};
    return { ...trust, ...Object.fromEntries(entries) };
  }

  /** By the resource type that declares one. */
  appliers(): Record<string, Applier> {
    return {
      "aws:elasticache/serverlessCache:ServerlessCache": {
        fingerprint: (node, graph) => JSON.stringify([properties(node).name, cacheUsers(node, graph)]),
        create: (node, graph) => this.#start(node, cacheUsers(node, graph)),
      },
    };
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#stops].map((stop) => stop()));
    const authority = await this.#authority;
    this.#authority = undefined;
    if (authority) await rm(authority.directory, { recursive: true, force: true });
  }

  async #start(node: ResourceNode, users: CacheUser[]): Promise<() => Promise<void>> {
    const { certificate } = await this.#trusted();
    const backend: { process?: CacheProcess } = {};
    backend.process = await this.#run(node, users, () => {
      backend.process = undefined;
    });
    const server = await startCacheServer(certificate, () => backend.process?.socket);
    const endpoint = endpointOf(node);
    this.#addresses.set(endpoint, `127.0.0.1:${server.port}`);
    const stop = async (): Promise<void> => {
      this.#stops.delete(stop);
      this.#addresses.delete(endpoint);
      await server.close(0);
      await backend.process?.stop();
    };
    this.#stops.add(stop);
    return stop;
  }

  /** Undefined, with a line that says why, when there is none: the program runs on, as it must without a cache. */
  async #run(node: ResourceNode, users: CacheUser[], onEnd: () => void): Promise<CacheProcess | undefined> {
    const { clock, log, path = process.env.PATH } = this.#options;
    const isDown = (why: string): void => log(`Cache ${node.name} is down: ${why}. Reads go on without it.`);
    const program = await findCacheProgram(path);
    if (program === undefined) {
      isDown("neither valkey-server nor redis-server is on PATH");
      return undefined;
    }
    const onExit = (reason: string): void => {
      onEnd();
      isDown(`${program} has ended (${reason})`);
    };
    return startCacheProcess({ program, users, clock, onExit }).catch((error: Error) => {
      isDown(error.message);
      return undefined;
    });
  }

  /** One certificate for all, made with the first cache. */
  async #trusted(): Promise<{ certificate: Certificate }> {
    this.#authority ??= this.#createAuthority();
    const { file, certificate } = await this.#authority;
    this.#file = file;
    return { certificate };
  }

  async #createAuthority(): Promise<{ directory: string; file: string; certificate: Certificate }> {
    // Whoever checks it has the machine's own clock.
    const certificate = loopbackCertificate(Date.now());
    const directory = await mkdtemp(join(tmpdir(), "cache-ca-"));
    const file = join(directory, "ca.pem");
    await writeFile(file, certificate.cert, { mode: 0o600 });
    return { directory, file, certificate };
  }
}
