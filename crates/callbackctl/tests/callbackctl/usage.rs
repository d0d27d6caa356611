//! Wrong usage and missing settings end a command before it sends a request.

use crate::{
    command::{World, run},
    jobs::BUCKET,
};

#[tokio::test]
async fn all_settings_that_are_missing_are_named() {
    let world = World::new().await;
    let mut command = world.reconcile(&[]);
    for name in [
        "TENCENTCLOUD_SECRET_ID",
        "TENCENTCLOUD_SECRET_KEY",
        "TENCENTCLOUD_TOKEN",
        "QUEUE_URL",
        "AWS_REGION",
    ] {
        command.env_remove(name);
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    let ended = run(command).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let expected = "\
        callbackctl: TENCENTCLOUD_SECRET_ID is not set\n\
        callbackctl: TENCENTCLOUD_SECRET_KEY is not set\n\
        callbackctl: QUEUE_URL is not set\n\
        callbackctl: AWS_REGION is not set\n";
    assert_eq!(ended.stderr, expected);
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
        (with(&["--since", "2"]), "expected a time like"),
        (
            with(&["--since", "5m", "--until", "5m"]),
            "--until: expected a shorter time",
        ),
        (with(&["--limit=-1"]), "--limit"),
        (with(&["--tag", ""]), "--tag"),
        (
            with(&["--ci-endpoint-url", "ftp://a"]),
            "CI_ENDPOINT_URL: expected http(s)://host",
        ),
        // Both become a host.
        (
            [&["--bucket", "evil.example/-1", "--all"], &region[..]].concat(),
            "expected NAME-APPID",
        ),
        (
            [&["--region", "evil.example#", "--all"], &bucket[..]].concat(),
            "expected a region",
        ),
    ] {
        let arguments = [&["reconcile"], &arguments[..]].concat();
        let ended = run(world.callbackctl(&arguments)).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(printed), "{arguments:?}: {ended:?}");
    }
    assert!(world.ci.seen().is_empty());
}
