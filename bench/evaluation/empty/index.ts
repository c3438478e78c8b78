/** The least that a Pulumi program on AWS can be: the floor under an evaluation. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

export const loaded = [typeof pulumi, typeof aws];
