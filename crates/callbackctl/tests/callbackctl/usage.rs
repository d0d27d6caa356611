//! Tests invalid arguments and missing settings, which stop a command before it sends a request.

use crate::{
    command::{World, run},
    jobs::BUCKET,
};

#[tokio::test]
async fn a_missing_setting_is_named() {
    let world = World::new().await;
    for (names, code, printed) in [
        (
            &["TENCENTCLOUD_SECRET_ID"][..],
            1,
            "TENCENTCLOUD_SECRET_KEY must be set",
        ),
        (
            &["TENCENTCLOUD_SECRET_KEY"],
            1,
            "TENCENTCLOUD_SECRET_KEY must be set",
        ),
        (&["QUEUE_URL"], 2, "--queue-url <URL>"),
        (
            &["AWS_REGION"],
            1,
            "no AWS region: set AWS_REGION, or AWS_PROFILE",
        ),
        (
            &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
            1,
            "set AWS_PROFILE, or AWS_ACCESS_KEY_ID",
        ),
    ] {
        let mut command = world.reconcile(&[]);
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        for name in names {
            command.env_remove(name);
        }
        let ended = run(command).await;
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains(printed), "{names:?}: {ended:?}");
    }
    assert!(world.ci.seen().is_empty());
}

#[tokio::test]
async fn wrong_usage_ends_with_2() {
    let world = World::new().await;
    let bucket = ["--bucket", BUCKET];
    let region = ["--region", "ap-guangzhou"];
    let both = [&bucket[..], &region, &["--all"]].concat();
    let with = |more: &[&'static str]| [&both[..], more].concat();
    for (arguments, printed) in [
        ([&region[..], &["--all"]].concat(), "--bucket <NAME-APPID>"),
        ([&bucket[..], &["--all"]].concat(), "--region <REGION>"),
        ([bucket, region].concat(), "--log-group <NAME>|--all"),
        (with(&["--log-group", "a"]), "cannot be used with"),
        (with(&["--since", "2"]), "--since"),
        (with(&["--tag", ""]), "--tag"),
        // They become parts of a host name.
        (
            [&["--bucket", "evil.example/-1", "--all"], &region[..]].concat(),
            "only lower-case letters, digits and hyphens are allowed",
        ),
        (
            [&["--bucket", "A-1", "--all"], &region[..]].concat(),
            "only lower-case letters, digits and hyphens are allowed",
        ),
        (
            [&["--region", "evil.example#", "--all"], &bucket[..]].concat(),
            "only lower-case letters, digits and hyphens are allowed",
        ),
    ] {
        let arguments = [&["reconcile"], &arguments[..]].concat();
        let ended = run(world.callbackctl(&arguments)).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(printed), "{arguments:?}: {ended:?}");
    }
    assert!(world.ci.seen().is_empty());
}
