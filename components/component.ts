import * as pulumi from "@pulumi/pulumi";
import { type Keys, refuseUnknownKeys } from "./internal/arguments.ts";

/** Arguments that every component takes. */
export interface ComponentArgs {
  /** Tags added to every taggable child, over the component's own `project`, `stack` and `component`. */
  tags?: Record<string, pulumi.Input<string>>;
}

/**
 * Base of every component: type token `serverless:index:<Noun>`, tags, parent, and the refusal of unknown
 * arguments. Children are created with `this.child()` so that they always have this component as parent.
 */
export abstract class Component extends pulumi.ComponentResource {
  /** The component's logical name. */
  readonly componentName: string;
  protected readonly noun: string;
  protected readonly tags: Record<string, pulumi.Input<string>>;

  protected constructor(
    noun: string,
    name: string,
    args: ComponentArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(`serverless:index:${noun}`, name, {}, opts);
    this.noun = noun;
    this.componentName = name;
    this.tags = {
      project: pulumi.getProject(),
      stack: pulumi.getStack(),
      component: `${noun}/${name}`,
      ...args.tags,
    };
  }

  /** Options for a child resource: this component is its parent. */
  protected child(opts: pulumi.CustomResourceOptions = {}): pulumi.CustomResourceOptions {
    return { ...opts, parent: this };
  }

  protected refuseUnknown<T extends object>(args: T, keys: Keys<T>): void {
    refuseUnknownKeys({ noun: this.noun, name: this.componentName }, args, keys);
  }
}
