//! The objects that URLs name.

use serde_json::{Value, json};

/// The host of a bucket, with its region.
const HOST: &str = "my-media-1300000001.cos.ap-beijing.myqcloud.com";

/// Asserts the bucket, region and object of an input with this URL.
#[track_caller]
fn assert_names(url: &str, bucket: Option<&str>, region: Option<&str>, object: Option<&str>) {
    let body = json!({"JobsDetail": {"JobId": "j", "Input": {"Url": url}}});
    let message = super::messages(body.to_string().as_bytes()).unwrap();
    let message: Value = serde_json::from_str(&message[0]).unwrap();
    let names = ["bucket", "region", "object"].map(|name| message["data"]["input"][name].as_str());
    assert_eq!(names, [bucket, region, object], "{url}");
}

#[test]
fn ok_cos_urls() {
    for (rest, object) in [
        ("/a/b.jpg", Some("a/b.jpg")),
        ("/a.jpg?q-sign-algorithm=sha1&q-ak=b", Some("a.jpg")),
        ("/%E9%A9%AC%20b.jpg", Some("马 b.jpg")),
        ("/a#b", Some("a")),
        ("//a", Some("/a")),
        ("/%FF", None),
        ("/", None),
        ("?a/b", None),
        ("", None),
    ] {
        for origin in [
            format!("https://{HOST}"),
            format!("http://{}", HOST.replace("myqcloud.com", "tencentcos.cn")),
        ] {
            let url = format!("{origin}{rest}");
            let bucket = Some("my-media-1300000001");
            assert_names(&url, bucket, Some("ap-beijing"), object);
        }
    }
}

#[test]
fn ok_global_acceleration_hides_the_region() {
    let url = format!("https://{}/a", HOST.replace("ap-beijing", "accelerate"));
    assert_names(&url, Some("my-media-1300000001"), None, Some("a"));
}

#[test]
fn ok_other_urls_name_no_object() {
    for url in [
        "test_url",
        "media-1300000001.cos.ap-beijing.myqcloud.com/a",
        "ftp://media-1300000001.cos.ap-beijing.myqcloud.com/a",
        "https://media.cos.ap-beijing.myqcloud.com/a",
        "https://-1300000001.cos.ap-beijing.myqcloud.com/a",
        "https://media-13000x.cos.ap-beijing.myqcloud.com/a",
        "https://media-1300000001.cos..myqcloud.com/a",
        "https://media-1300000001.cos.ap.beijing.myqcloud.com/a",
        "https://a.b@media-1300000001.cos.ap-beijing.myqcloud.com/a",
        "https://media-1300000001.cos.ap-beijing.myqcloud.com.example.com/a",
        "https://media-1300000001.cos.ap-beijing.myqcloud.com:8443/a",
        "https://cdn.example.com/media-1300000001.cos.ap-beijing.myqcloud.com/a",
    ] {
        assert_names(url, None, None, None);
    }
}
