/**
 * The loopback addresses that stand for AWS hosts. Outputs keep their AWS form (`https://<id>.execute-api...`);
 * whoever follows one locally asks here.
 */
export class Hosts {
  /** By lower-cased host: as it is written, and its address; the last of those that share it counts. */
  readonly #addresses = new Map<string, { host: string; address: string }[]>();

  /**
   * `host` (as in an AWS URL) is served at `address` (`http://127.0.0.1:<port>`). Where several share a host, as
   * the user pools of a region do, `host` may go on with the first path segment: `<host>/<pool>`.
   */
  add(host: string, address: string): void {
    const key = host.toLowerCase();
    this.#addresses.set(key, [...(this.#addresses.get(key) ?? []), { host, address }]);
  }

  /** Takes one `add` back: several rules share the endpoint of the devices. */
  remove(host: string): void {
    const key = host.toLowerCase();
    const left = this.#addresses.get(key)?.slice(0, -1) ?? [];
    if (left.length > 0) this.#addresses.set(key, left);
    else this.#addresses.delete(key);
  }

  /** The same URL on loopback; unchanged when its host is not one of ours. */
  resolve(url: string): string {
    if (!URL.canParse(url)) return url;
    const { host, pathname, search } = new URL(url);
    const segment = pathname.split("/")[1] ?? "";
    const found = (
      this.#addresses.get(`${host}/${segment}`.toLowerCase()) ?? this.#addresses.get(host.toLowerCase())
    )?.at(-1);
    if (found === undefined) return url;
    const path = pathname === "/" && !url.endsWith("/") ? "" : pathname;
    return `${found.address}${path}${search}`;
  }

  /** AWS host as it is written -> loopback address, in the order they were added. */
  entries(): [string, string][] {
    return [...this.#addresses.values()].flatMap((added) =>
      added.slice(-1).map(({ host, address }): [string, string] => [host, address]),
    );
  }
}
