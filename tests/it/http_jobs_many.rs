//! What is asked of many jobs at once, and a job posted again.

use axum::body::Body;
use serde_json::{Value, json};

use crate::support::bodies::{IRIS, iris};
use crate::support::{Server, alone, request, server};

async fn with_iris() -> Server {
    let server = server().await;
    server.add_csv("iris", IRIS).await;
    server
}

fn named(name: &str, epochs: u64) -> Value {
    let mut body = iris(epochs);
    body["name"] = json!(name);
    body
}

#[tokio::test]
async fn a_finished_job_is_posted_again() {
    let _alone = alone().await;
    let server = with_iris().await;
    let body = iris(1);
    let job = server.train(&body).await;
    let path = format!("/v1/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(server.get(&format!("{path}/posted")).await.expect(200), body);
    let ask = || request("POST", &format!("{path}/retry")).header("idempotency-key", "a");
    let again = server.ask(ask(), Body::empty()).await;
    let location = again.header("location").to_owned();
    let again = again.expect(202);
    assert_ne!(again["id"], job["id"]);
    assert_eq!(
        (&again["spec"], location),
        (&job["spec"], format!("/v1/jobs/{}", again["id"].as_str().unwrap()))
    );
    // The same request again is the same job.
    assert_eq!(server.ask(ask(), Body::empty()).await.expect(202)["id"], again["id"]);
    server.finished(again["id"].as_str().unwrap()).await;
    assert_eq!(server.get("/v1/jobs").await.expect(200)["total"], 2);
}

#[tokio::test]
async fn a_job_under_way_is_not_posted_again() {
    let _alone = alone().await;
    let server = with_iris().await;
    let id = server.submit(&iris(100_000)).await;
    let refused = server.order(&format!("/v1/jobs/{id}/retry")).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.detail().contains("when it is finished"), "{}", refused.detail());
    server.order(&format!("/v1/jobs/{id}/cancel")).await;
    server.finished(&id).await;
}

#[tokio::test]
async fn one_call_acts_on_many_and_tells_of_each() {
    let _alone = alone().await;
    let server = with_iris().await;
    let ids = [server.submit(&iris(100_000)).await, server.submit(&iris(100_000)).await];
    let nobody = "0193a5a0-7c1e-7b3a-9d2f-0d3c7a1b2c3d";
    let act = async |action: &str, jobs: &[&str]| {
        let told =
            server.post("/v1/jobs/actions", &json!({"action": action, "jobs": jobs})).await.expect(200);
        told["data"].as_array().unwrap().clone()
    };
    let told = act("cancel", &[&ids[0], nobody, "no id", &ids[1]]).await;
    let statuses: Vec<&Value> = told.iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [202, 404, 404, 202]);
    assert_eq!((&told[0]["job"]["id"], &told[0]["problem"]), (&json!(ids[0]), &Value::Null));
    assert_eq!((&told[2]["id"], &told[2]["job"]), (&json!("no id"), &Value::Null));
    assert!(told[1]["problem"]["detail"].is_string());
    for id in &ids {
        assert_eq!(server.finished(id).await["status"], "cancelled");
    }
    assert_eq!(act("resume", &[&ids[0]]).await[0]["status"], 409);
    let again = act("retry", &[&ids[0]]).await;
    let new = again[0]["job"]["id"].as_str().unwrap().to_owned();
    assert_ne!(new, ids[0]);
    act("cancel", &[&new]).await;
    server.finished(&new).await;
    for one in act("delete", &[&ids[0], &ids[1], &new]).await {
        assert_eq!((&one["status"], &one["job"]), (&json!(204), &Value::Null));
    }
    assert_eq!(server.get("/v1/jobs").await.expect(200)["total"], 0);
    let many: Vec<&str> = (0..101).map(|_| nobody).collect();
    let refused = server.post("/v1/jobs/actions", &json!({"action": "cancel", "jobs": many})).await;
    assert_eq!((refused.status.as_u16(), refused.pointers()), (422, vec!["/jobs"]));
    let wrong = server.post("/v1/jobs/actions", &json!({"action": "cancle", "jobs": [nobody]})).await;
    assert_eq!((wrong.status.as_u16(), wrong.pointers()), (422, vec!["/action"]));
}

#[tokio::test]
async fn many_are_posted_again_safely() {
    let _alone = alone().await;
    let server = with_iris().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(server.train(&iris(1)).await["id"].as_str().unwrap().to_owned());
    }
    let open = server.submit(&iris(100_000)).await;
    server.until(&open, |job| job["status"] == "running").await;
    ids.push(open.clone());
    let ask = async |action: &str, jobs: &[String]| {
        let asked = request("POST", "/v1/jobs/actions")
            .header("content-type", "application/json")
            .header("idempotency-key", "k");
        server.ask(asked, json!({"action": action, "jobs": jobs}).to_string()).await
    };
    let together = futures::future::join_all((0..4).map(|_| ask("retry", &ids))).await;
    let first = together[0].body.clone();
    let statuses: Vec<&Value> = first["data"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, [202, 202, 409]);
    let new = |answer: &Value, at: usize| answer["data"][at]["job"]["id"].as_str().unwrap().to_owned();
    for answer in &together {
        assert_eq!((new(&answer.body, 0), new(&answer.body, 1)), (new(&first, 0), new(&first, 1)));
    }
    assert_eq!(server.get("/v1/jobs").await.expect(200)["total"], 5);
    // Under the same key nothing else is done.
    assert_eq!(ask("retry", &ids[..1]).await.status, 409);
    assert_eq!(ask("cancel", &ids).await.status, 409);
    assert_eq!(server.job(&open).await["status"], "running");
    server.order(&format!("/v1/jobs/{open}/cancel")).await;
    server.finished(&open).await;
    // What was refused is tried again, what was made is told as it was, whatever has become of it.
    server.finished(&new(&first, 0)).await;
    assert_eq!(server.delete(&format!("/v1/jobs/{}", new(&first, 0))).await.status, 204);
    let later = ask("retry", &ids).await.expect(200);
    assert_eq!((&later["data"][0], &later["data"][2]["status"]), (&first["data"][0], &json!(202)));
    server.order(&format!("/v1/jobs/{}/cancel", new(&later, 2))).await;
    for at in [1, 2] {
        server.finished(&new(&later, at)).await;
    }
}

#[tokio::test]
async fn series_of_many_jobs_come_in_one_answer() {
    let _alone = alone().await;
    let server = with_iris().await;
    let jobs = [server.train(&iris(3)).await, server.train(&iris(2)).await];
    let ids = jobs.each_ref().map(|job| job["id"].as_str().unwrap());
    let nobody = "0193a5a0-7c1e-7b3a-9d2f-0d3c7a1b2c3d";
    let uri = format!("/v1/metrics?jobs={},{nobody},{}&name=loss", ids[0], ids[1]);
    let told = server.get(&uri).await.expect(200);
    let told = told["data"].as_array().unwrap();
    assert_eq!(told.len(), 2);
    for ((one, id), epochs) in told.iter().zip(ids).zip([3, 2]) {
        assert_eq!((&one["job"], one["points"].as_array().unwrap().len()), (&json!(id), epochs));
        let alone = server.get(&format!("/v1/jobs/{id}/metrics?name=loss")).await.expect(200);
        assert_eq!(one["points"], alone["data"][0]["points"]);
    }
    for wrong in ["jobs=x&name=loss", "name=loss", &format!("jobs={nobody}&name=loss&max_points=0")] {
        assert_eq!(server.get(&format!("/v1/metrics?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn jobs_are_found_by_a_part_of_their_names_and_counted() {
    let _alone = alone().await;
    let server = with_iris().await;
    let mut ids = Vec::new();
    for name in ["rates-small", "rates-large", "other"] {
        ids.push(server.train(&named(name, 1)).await["id"].as_str().unwrap().to_owned());
    }
    for (query, total, shown) in [
        ("search=rates", 2, 2),
        ("search=ates-l", 1, 1),
        ("search=", 3, 3),
        ("search=%25", 0, 0),
        ("search=rates&limit=1", 2, 1),
        ("status=succeeded&search=o", 1, 1),
        (&format!("id={},{}", ids[0], ids[2]), 2, 2),
    ] {
        let page = server.get(&format!("/v1/jobs?{query}")).await.expect(200);
        let found = page["data"].as_array().unwrap().len();
        assert_eq!((&page["total"], found), (&json!(total), shown), "{query}");
    }
    assert_eq!(server.get("/v1/jobs?id=x").await.status, 400);
}

#[tokio::test]
async fn the_system_tells_how_it_stands() {
    let _alone = alone().await;
    let server = with_iris().await;
    server.train(&iris(1)).await;
    let mut system = server.get("/v1/system").await.expect(200);
    for _ in 0..100 {
        // What a run took is free a moment after its end is known.
        if system["threads"]["used"] == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        system = server.get("/v1/system").await.expect(200);
    }
    assert_eq!(system["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&system["jobs"]["succeeded"], &system["jobs"]["running"]), (&json!(1), &json!(0)));
    assert_eq!(system["threads"]["used"], 0);
    for (part, whole) in [("/disk/free_bytes", "/disk/total_bytes"), ("/threads/used", "/threads/total")] {
        let number = |pointer: &str| system.pointer(pointer).and_then(Value::as_u64).unwrap();
        assert!(number(part) <= number(whole) && number(whole) > 0, "{part}");
    }
}
