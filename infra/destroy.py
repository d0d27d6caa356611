"""Deletes the receiver's stack, if no job and no worker would be lost: `make destroy`."""

from __future__ import annotations

import argparse
import sys

import boto3

import stack as stacks
from stack import Stack, depth, fail, step, target


def main(arguments: list[str] | None = None) -> int:
    parser = stacks.shared_options("Delete the receiver's stack, except its vault.")
    parser.add_argument("--force", action="store_true", help="delete queues with jobs on them")
    parser.add_argument("--detach", action="store_true", help="detach the workers' policy")
    options, for_sam = stacks.parse(parser, arguments)
    destroy(*stacks.prepare(options), options, for_sam)
    return 0


def destroy(stack: Stack, region: str, options: argparse.Namespace, for_sam: list[str]) -> None:
    if not stack.status:
        fail(f"the stack {stack.name} does not exist in {region}")
    # A stack whose creation failed has no outputs.
    jobs = {url: depth(url) for name, url in stack.outputs.items() if name.endswith("QueueUrl")}
    policy = stack.outputs.get("ConsumerPolicyArn", "")
    users = attached(policy) if policy else []
    for url, count in jobs.items():
        step(f"{count} jobs on {url}")
    for kind, name in users:
        step(f"the workers' policy is attached to the {kind.lower()} {name}")
    problems = []
    if any(jobs.values()) and not options.force:
        problems.append("the jobs on its queues would be deleted. To delete them, use FORCE=1")
    if users and not options.detach:
        problems.append(
            "AWS does not delete a policy that is attached. Stop the workers and use DETACH=1"
        )
    if problems:
        fail("\n  ".join([f"the stack {stack.name} was not deleted:", *problems]))
    if not options.yes and input(f"Type {stack.name} to delete the stack: ") != stack.name:
        fail("nothing was deleted")
    iam = boto3.client("iam")
    for kind, name in users:
        detach = getattr(iam, f"detach_{kind.lower()}_policy")
        detach(PolicyArn=policy, **{f"{kind}Name": name})
    stack.protect(False)
    step(f"deleting the stack {stack.name}")
    stacks.sam("delete", *target(stack, region), "--no-prompts", *for_sam)
    if vault := stack.outputs.get("VaultBucket"):
        print(
            f"\nThe bucket {vault} was retained, since it may contain the only copy of a callback."
            " Delete it when you no longer need its objects."
        )
    for url in stack.queues("standard") + stack.queues("fifo"):
        print(f"The queue {url} was retained after a change of QueueKind.")


def attached(policy: str) -> list[tuple[str, str]]:
    """Returns the kind and the name of each role, user and group that has a policy."""
    pages = boto3.client("iam").get_paginator("list_entities_for_policy").paginate(PolicyArn=policy)
    return [
        (kind, entity[f"{kind}Name"])
        for page in pages
        for kind in ("Role", "User", "Group")
        for entity in page[f"Policy{kind}s"]
    ]


if __name__ == "__main__":
    sys.exit(main())
