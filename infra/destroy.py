"""Deletes the receiver's stack, after all that could fail or be regretted: `make destroy`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

import boto3

import stack as stacks
from stack import Stack, depth, existing_queues, fail, protect, step


def main(arguments: list[str] | None = None) -> int:
    parser = stacks.shared_options("Delete the receiver's stack, except its vault.")
    parser.add_argument("--force", action="store_true", help="even with jobs on its queues")
    parser.add_argument("--detach", action="store_true", help="detach the workers' policy")
    options, for_sam = stacks.parse(parser, arguments)
    destroy(*stacks.prepare(options), options, for_sam)
    return 0


def destroy(stack: Stack, region: str, options: argparse.Namespace, for_sam: list[str]) -> None:
    """Deletes the stack, after all that could fail or be regretted has been checked."""
    if not stack.status:
        fail(f"there is no stack {stack.name} in {region}")
    # A stack whose creation failed has no outputs, and nothing in it.
    waiting = {url: depth(url) for name, url in stack.outputs.items() if name.endswith("QueueUrl")}
    users = attached(stack.outputs.get("ConsumerPolicyArn"))
    for url, count in waiting.items():
        step(f"{count} jobs on {url}")
    for kind, name in users:
        step(f"the workers' policy is attached to the {kind} {name}")
    problems = []
    if any(waiting.values()) and not options.force:
        problems.append(
            "its queues are deleted with the jobs on them: FORCE=1 does it all the same"
        )
    if users and not options.detach:
        problems.append(
            "AWS deletes no policy that is in use: stop the workers; DETACH=1 detaches it"
        )
    if problems:
        fail("\n  ".join([f"the stack {stack.name} stays:", *problems]))
    if not options.yes and input(f"Type {stack.name} to delete the stack: ") != stack.name:
        fail("nothing was deleted")
    detach(stack.outputs.get("ConsumerPolicyArn"), users)
    protect(stack.name, False)
    step(f"deleting the stack {stack.name}")
    stacks.sam(
        "delete",
        "--stack-name",
        stack.name,
        "--s3-prefix",
        stack.name,
        "--region",
        region,
        "--no-prompts",
        *for_sam,
    )
    if vault := stack.outputs.get("VaultBucket"):
        print(
            f"\nThe vault stays, since it may hold the only copy of a callback: bucket {vault}. Delete it"
            " yourself when nothing in it is needed."
        )
    for kind in ("standard", "fifo"):
        for url in existing_queues(stack.name, kind):
            print(f"The queue {url} stays, from a change of QueueKind.")


def attached(policy: str | None) -> list[tuple[str, str]]:
    """Returns the kind and the name of each role, user and group that has a policy."""
    if not policy:
        return []
    pages: list[Any] = list(
        boto3.client("iam").get_paginator("list_entities_for_policy").paginate(PolicyArn=policy)
    )
    return [
        (kind, entity[f"{kind}Name"])
        for page in pages
        for kind in ("Role", "User", "Group")
        for entity in page[f"Policy{kind}s"]
    ]


def detach(policy: str | None, users: list[tuple[str, str]]) -> None:
    iam = boto3.client("iam")
    for kind, name in users:
        getattr(iam, f"detach_{kind.lower()}_policy")(PolicyArn=policy, **{f"{kind}Name": name})


if __name__ == "__main__":
    sys.exit(main())
