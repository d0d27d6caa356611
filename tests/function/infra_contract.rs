//! Checks that `infra/contract.json`, which the tests of the template use, describes the function.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use cloud_infinite_callback::config::Config;
use serde_json::{Value, json};

use testkit::{
    bodies::{large, probe, snapshot, tasks, to_json},
    fake_aws::{FakeAws, Reply, VaultReply},
    function::digest,
    function_url::{TOKEN, function_url_event, post_json},
};

fn contract() -> Value {
    serde_json::from_str(include_str!("../../infra/contract.json")).expect("it is JSON")
}

fn texts(value: &Value) -> BTreeSet<String> {
    serde_json::from_value(value.clone()).expect("a list of texts")
}

#[test]
fn the_contract_names_each_variable_that_is_read() {
    let read = RefCell::new(BTreeSet::new());
    let _ = Config::from_env(|name| {
        read.borrow_mut().insert(name.to_owned());
        None
    });
    let is_ours = |name: &String| !name.starts_with("AWS_") && !name.starts_with("SSL_");
    let ours: BTreeSet<_> = read.into_inner().into_iter().filter(is_ours).collect();
    assert_eq!(ours, texts(&contract()["variables"]));
}

#[test]
fn the_contracts_limits_are_accepted() {
    let limits = &contract()["queueMaxBytes"];
    let (min, max) = (limits["min"].as_u64(), limits["max"].as_u64());
    let (min, max) = (min.expect("a number"), max.expect("a number"));
    let is_accepted = |bytes: u64| {
        let settings = BTreeMap::from([
            ("QUEUE_MAX_BYTES", bytes.to_string()),
            ("QUEUE_URL", "https://sqs.test/1/jobs".to_owned()),
            ("CALLBACK_TOKEN_SHA256", digest(TOKEN)),
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "id".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "key".to_owned()),
            ("AWS_LAMBDA_FUNCTION_NAME", "test".to_owned()),
        ]);
        Config::from_env(|name| settings.get(name).cloned())
            .1
            .is_ok()
    };
    assert!(is_accepted(min) && is_accepted(max));
    assert!(!is_accepted(min - 1) && !is_accepted(max + 1));
}

/// Collects the metrics of a log line and the names of their dimensions.
fn metrics_of(line: &Value, names: &mut BTreeSet<String>, dimensions: &mut BTreeSet<String>) {
    let directives = line["_aws"]["CloudWatchMetrics"].as_array();
    for directive in directives.into_iter().flatten() {
        assert_eq!(directive["Namespace"], contract()["metrics"]["namespace"]);
        for metric in directive["Metrics"].as_array().expect("a list") {
            names.insert(metric["Name"].as_str().expect("a text").to_owned());
        }
        for set in directive["Dimensions"].as_array().expect("a list") {
            dimensions.extend(texts(set));
        }
    }
}

#[tokio::test]
async fn the_contract_names_metrics_levels_and_vault_folders() {
    let job = || post_json(&to_json(&tasks([snapshot(1)])));
    let get = || function_url_event("GET", &format!("/{TOKEN}"), "", "text/plain", b"", false);
    let wrong = || function_url_event("POST", "/wrong", "", "text/plain", b"{}", false);
    let oversize = || post_json(&to_json(&tasks([large(1, 9000)])));
    let slow = Reply::Error(500, "InternalError");
    let gone = Reply::Error(403, "AccessDenied");
    let full = VaultReply::Error(403, "AccessDenied");
    let cases = [
        (job(), vec![slow], Reply::Accept, VaultReply::Accept),
        (oversize(), vec![], Reply::Accept, VaultReply::Accept),
        (
            post_json(&to_json(&probe())),
            vec![],
            Reply::Accept,
            VaultReply::Accept,
        ),
        (wrong(), vec![], Reply::Accept, VaultReply::Accept),
        (get(), vec![], Reply::Accept, VaultReply::Accept),
        (post_json(b""), vec![], Reply::Accept, VaultReply::Accept),
        (
            post_json(b"soon"),
            vec![],
            Reply::Accept,
            VaultReply::Accept,
        ),
        (job(), vec![], gone.clone(), VaultReply::Accept),
        (job(), vec![], gone, full),
    ];
    let (mut names, mut dimensions) = (BTreeSet::new(), BTreeSet::new());
    let (mut errors, mut folders) = (BTreeSet::new(), BTreeSet::from(["replayed".to_owned()]));
    let outcomes = texts(&contract()["metrics"]["errors"]);
    for (event, script, otherwise, vault) in cases {
        let aws = FakeAws::with_vault(&script, otherwise, vault).await;
        let settings = aws.settings().with("VAULT_BUCKET", "vault");
        let function = crate::start(settings.with("QUEUE_MAX_BYTES", "8192")).await;
        function.call(&event).await;
        let output = function.stop().await;
        let mut of_call = BTreeSet::new();
        let mut is_error = false;
        for line in output.stdout.lines() {
            let line: Value = serde_json::from_str(line).expect("a line is JSON");
            metrics_of(&line, &mut of_call, &mut dimensions);
            is_error |= line["level"] == json!("ERROR");
        }
        // A call writes an error metric if and only if it logs an error.
        let found: Vec<_> = of_call.intersection(&outcomes).cloned().collect();
        assert_eq!(found.len(), usize::from(is_error), "{output:?}");
        errors.extend(found);
        names.extend(of_call);
        folders.extend(
            aws.objects()
                .keys()
                .filter_map(|key| key.trim_start_matches("/vault/").split('/').next())
                .map(str::to_owned),
        );
    }
    let contract = contract();
    assert_eq!(names, texts(&contract["metrics"]["names"]));
    assert_eq!(dimensions, texts(&contract["metrics"]["dimensions"]));
    assert_eq!(errors, outcomes);
    assert_eq!(folders, texts(&contract["vault"]));
}
