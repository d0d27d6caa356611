//! Tests `callbackctl lookup` and `compare`.

use std::process::Command;

use serde_json::Value;

use crate::{
    command::{Ended, World, run},
    fake_ci::Fault,
    jobs::{BUCKET, ended, event_ids, from_node, minutes_ago, run_of_workflow, task, vendor_time},
};
use testkit::{
    bodies::{event_id, failed, job_id, snapshot, tasks, to_json},
    bucket::Bucket,
};

async fn look_up(world: &World, ids: &[&str]) -> Ended {
    run(world.of_bucket("lookup", ids)).await
}

fn compare(world: &World, vault: &Bucket, arguments: &[&str]) -> Command {
    let mut command = world.of_bucket("compare", arguments);
    command.env("VAULT_BUCKET", &vault.name);
    command
}

fn ids_of_messages(ended: &Ended) -> Vec<String> {
    let lines = ended.stdout.lines();
    lines
        .map(|line| {
            let event: Value = serde_json::from_str(line).expect("a line is JSON");
            event["id"].as_str().expect("it has an id").to_owned()
        })
        .collect()
}

#[tokio::test]
async fn jobs_of_all_kinds_are_looked_up_in_batches() {
    let world = World::new().await;
    world.ci.add((0..23).map(|number| ended(number, 20)));
    // The first letter of the last id is misleading.
    let other = |id: &str| {
        let mut job = ended(30, 20);
        job.xml = job.xml.replace(&job.id, id);
        job.id = id.to_owned();
        job
    };
    world.ci.add(["d1", "f1", "a1", "i1"].map(other));
    let of_workflow = run_of_workflow(1, "Success", minutes_ago(20));
    world.ci.add_runs([of_workflow.clone()]);
    let mut ids: Vec<_> = (0..23).map(job_id).collect();
    ids.extend(["d1", "f1", "a1", "i1"].map(str::to_owned));
    ids.push(of_workflow.id.clone());
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let found = look_up(&world, &ids).await;
    assert_eq!(found.code, Some(0), "{found:?}");
    let expected: Vec<_> = ids.iter().map(|id| format!("{id}:Success")).collect();
    assert_eq!(ids_of_messages(&found), expected, "in the order of the ids");
    assert_eq!(found.stderr, "");
    let [.., message] = &found.stdout.lines().collect::<Vec<_>>()[..] else {
        panic!("{found:?}")
    };
    let event: Value = serde_json::from_str(message).expect("a line is JSON");
    assert_eq!(event["data"]["input"]["bucket"], BUCKET);
    for (id, place) in [("d1", "/doc_jobs/d1"), ("f1", "/file_jobs/f1")] {
        let seen = world.ci.seen().into_iter().map(|seen| seen.path);
        let asked: Vec<_> = seen.filter(|path| path.contains(id)).collect();
        assert_eq!(asked, [place], "it is asked for there first");
    }
    // 24 ids in three requests, one request for each other id, and a second one for `i1`.
    assert_eq!(world.ci.seen().len(), 3 + 4 + 1);
}

#[tokio::test]
async fn an_unknown_id_is_named_and_blocks_no_other() {
    let world = World::new().await;
    world.ci.add([ended(1, 20)]);
    let found = look_up(&world, &["j404", &job_id(1), "i404", "d404"]).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    assert_eq!(ids_of_messages(&found), event_ids([1]));
    let printed = ["j404", "i404", "d404"]
        .map(|id| format!("callbackctl: {id}: no such job in this bucket\n"));
    assert_eq!(found.stderr, printed.concat());

    // The job may exist at the path that fails.
    world
        .ci
        .fail_always("/doc_jobs/j404", Fault::Error(403, "AccessDenied"));
    let found = look_up(&world, &["j404"]).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    let printed = "callbackctl: j404: lookup failed: AccessDenied (status 403): the API key does not have this permission\n";
    assert_eq!(found.stderr, printed);
}

#[tokio::test]
async fn a_rejected_id_blocks_no_other() {
    let world = World::new().await;
    world.ci.add([ended(1, 20), ended(2, 20)]);
    let path = format!("/jobs/{},odd,{}", job_id(1), job_id(2));
    world
        .ci
        .fail_always(&path, Fault::Error(400, "InvalidArgument"));
    world
        .ci
        .fail_always("/jobs/odd", Fault::Error(400, "InvalidArgument"));
    let found = look_up(&world, &[&job_id(1), "odd", &job_id(2)]).await;
    assert_eq!(found.code, Some(1), "{found:?}");
    assert_eq!(ids_of_messages(&found), event_ids([1, 2]));
}

#[tokio::test]
async fn ended_jobs_can_be_published() {
    let world = World::new().await;
    let running = task(2, "Running", minutes_ago(20), None);
    world.ci.add([ended(1, 20), running, ended(3, 20)]);
    let ids = [job_id(1), job_id(2), job_id(3)];
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let shown = look_up(&world, &ids).await;
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(world.drain().await.is_empty());
    let published = look_up(&world, &[&ids[..], &["--publish"]].concat()).await;
    assert_eq!(published.code, Some(0), "{published:?}");
    let pending = event_id(2).replace("Success", "Running");
    let printed = format!(
        "{pending}  skipped: the job has not ended\n{}  published\n{}  published\n",
        event_id(1),
        event_id(3)
    );
    assert_eq!(published.stderr, printed);
    assert_eq!(world.drain().await, event_ids([1, 3]));
}

#[tokio::test]
async fn a_body_of_the_vault_is_compared_field_by_field() {
    let world = World::new().await;
    let node = || {
        let mut node = snapshot(1);
        node["EndTime"] = vendor_time(minutes_ago(20)).into();
        node
    };
    world.ci.add([from_node(&node(), minutes_ago(21))]);
    let run_of = run_of_workflow(7, "Success", minutes_ago(20));
    world.ci.add_runs([run_of.clone()]);
    let vault = Bucket::create().await;
    let forged = |change: fn(&mut Value)| {
        let mut node = node();
        change(&mut node);
        to_json(&tasks([snapshot(2), node]))
    };
    let agree = "state  equal\ntype  equal\ninput  equal\noutputs  equal\nuserData  equal\n";
    let id = job_id(1);
    for (body, code, expected) in [
        (forged(|_| {}), 0, agree.to_owned()),
        // Other fields are not compared, because API responses lack some fields of callbacks.
        (
            forged(|node| node["Operation"]["TemplateName"] = "other".into()),
            0,
            agree.to_owned(),
        ),
        (
            forged(|node| node["Input"]["Object"] = "s3cret".into()),
            1,
            agree.replace("input  equal", "input  differs"),
        ),
        (
            forged(|node| node["Operation"]["UserData"] = "s3cret".into()),
            1,
            agree.replace("userData  equal", "userData  differs"),
        ),
        (
            forged(|node| node["Tag"] = "Transcode".into()),
            1,
            agree.replace("type  equal", "type  differs"),
        ),
        (
            to_json(&tasks([failed(1)])),
            1,
            agree
                .replace("state  equal", "state  differs")
                .replace("outputs  equal", "outputs  differs: missing in the body"),
        ),
    ] {
        vault.put("spill/2024/05/06/a", &body).await;
        let ended = run(compare(&world, &vault, &[&id, "spill/2024/05/06/a"])).await;
        assert_eq!(
            (ended.code, &ended.stdout),
            (Some(code), &expected),
            "{ended:?}"
        );
        assert_eq!(ended.stderr, "");
    }
    // The bucket of a run is that of the request, and may be absent in the body.
    vault
        .put(
            "spill/r",
            format!("<Response>{}</Response>", run_of.xml).as_bytes(),
        )
        .await;
    let ended = run(compare(&world, &vault, &[&run_of.id, "spill/r"])).await;
    assert_eq!((ended.code, &*ended.stdout), (Some(0), agree), "{ended:?}");

    for (arguments, printed) in [
        ([&*id, "spill/r"], "the body does not contain this job"),
        ([&*id, "spill/none"], "spill/none: no such object"),
        (["j404", "spill/r"], "no such job in this bucket"),
    ] {
        let ended = run(compare(&world, &vault, &arguments)).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(printed), "{ended:?}");
        assert_eq!(ended.stdout, "");
    }
}

#[tokio::test]
async fn wrong_usage_ends_with_2() {
    let world = World::new().await;
    for ids in [&[][..], &["a/b"], &["a,b"], &[""], &["a\n"], &["é"]] {
        assert_eq!(look_up(&world, ids).await.code, Some(2), "{ids:?}");
    }
    let mut command = world.of_bucket("lookup", &["j1", "--publish"]);
    command.env_remove("QUEUE_URL");
    let ended = run(command).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--queue-url <URL>"), "{ended:?}");
    let ended = run(world.of_bucket("compare", &["j1", "a"])).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--vault-bucket <NAME>"), "{ended:?}");
    assert!(world.ci.seen().is_empty());
}
