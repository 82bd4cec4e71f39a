//! What a page of many jobs asks at once: the machine, curves, actions, and jobs posted again.

use serde_json::{Value, json};

use crate::support::bodies::{IRIS, iris, with};
use crate::support::{Server, alone, request, server};

async fn flowers() -> Server {
    let server = server().await;
    server.add_csv("iris", IRIS).await;
    server
}

fn id(job: &Value) -> String {
    job["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_machine_tells_what_is_in_use() {
    let _alone = alone().await;
    let server = flowers().await;
    let idle = server.get("/v1/system").await.expect(200);
    assert_eq!(idle["threads"], json!({"used": 0, "total": 2}));
    assert_eq!((&idle["memory"]["used_mb"], &idle["memory"]["total_mb"]), (&json!(0), &json!(8_192)));
    let disk = |name: &str| idle["disk"][name].as_u64().unwrap();
    assert!(disk("free_bytes") > 0 && disk("free_bytes") < disk("total_bytes"));
    let job = server.submit(&iris(1_000_000)).await;
    server.until(&job, |job| job["progress"]["examples_per_second"].as_f64() > Some(0.0)).await;
    let busy = server.get("/v1/system").await.expect(200);
    assert_eq!(busy["threads"]["used"], 1);
    assert_eq!(busy["memory"]["used_mb"], 512);
    assert_eq!((&busy["jobs"]["running"], &busy["jobs"]["queued"]), (&json!(1), &json!(0)));
    assert!(busy["examples_per_second"].as_f64().unwrap() > 0.0, "{busy}");
    server.order(&format!("/v1/jobs/{job}/cancel")).await.expect(202);
    server.finished(&job).await;
}

#[tokio::test]
async fn curves_of_many_jobs_come_in_one_answer() {
    let _alone = alone().await;
    let server = flowers().await;
    let first = id(&server.train(&iris(3)).await);
    let second = id(&server.train(&with(&iris(5), "/seed", json!(8))).await);
    let absent = "01980000-0000-7000-8000-000000000000";
    let path = format!("/v1/metrics?jobs={second},{absent},{first}&name=loss,accuracy");
    let found = server.get(&path).await.expect(200);
    let told: Vec<(&str, &str, usize)> = found["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap();
            (text("job"), text("name"), one["points"].as_array().unwrap().len())
        })
        .collect();
    let expected: [(&str, &str, usize); 4] =
        [(&second, "loss", 5), (&second, "accuracy", 5), (&first, "loss", 3), (&first, "accuracy", 3)];
    assert_eq!(told, expected);
    let own = server.get(&format!("/v1/jobs/{first}/metrics?name=loss")).await.expect(200);
    assert_eq!(found["data"][2]["points"], own["data"][0]["points"]);
    let few = server.get(&format!("/v1/metrics?jobs={second}&name=loss&max_points=2")).await.expect(200);
    assert_eq!(few["data"][0]["points"].as_array().unwrap().len(), 2);
    let all = server.get(&format!("/v1/metrics?jobs={first}")).await.expect(200);
    assert!(all["data"].as_array().unwrap().len() > 3);
    for wrong in ["", "?jobs=", "?jobs=x", &format!("?jobs={}", vec![absent; 101].join(","))] {
        let refused = server.get(&format!("/v1/metrics{wrong}")).await;
        assert!(refused.status == 400 && refused.detail().contains("jobs"), "{wrong}: {}", refused.detail());
    }
    let many = vec![absent; 100].join(",");
    assert_eq!(server.get(&format!("/v1/metrics?jobs={many}&max_points=9999")).await.status, 400);
}

#[tokio::test]
async fn a_finished_job_is_posted_again_as_it_was() {
    let _alone = alone().await;
    let server = flowers().await;
    let mut body = iris(2);
    body.as_object_mut().unwrap().remove("seed");
    let job = server.train(&body).await;
    let old = id(&job);
    assert_eq!(server.get(&format!("/v1/jobs/{old}/posted")).await.expect(200), body);
    let retry = async |key: &str| {
        let request = request("POST", &format!("/v1/jobs/{old}/retry")).header("idempotency-key", key);
        server.ask(request, "").await
    };
    let answer = retry("a").await;
    let new = id(&answer.body);
    assert_eq!((answer.status.as_u16(), answer.header("location")), (202, &*format!("/v1/jobs/{new}")));
    assert_ne!(new, old);
    assert_eq!(id(&retry("a").await.expect(202)), new);
    assert_ne!(id(&retry("b").await.expect(202)), new);
    let done = server.finished(&new).await;
    assert_eq!((&done["status"], &done["name"]), (&json!("succeeded"), &job["name"]));
    assert_ne!(done["spec"]["seed"], job["spec"]["seed"]);
    let running = server.submit(&iris(1_000_000)).await;
    server.order(&format!("/v1/jobs/{running}/retry")).await.expect(409);
    server.order(&format!("/v1/jobs/{running}/cancel")).await.expect(202);
    server.order("/v1/jobs/01980000-0000-7000-8000-000000000000/retry").await.expect(404);
    server.finished(&running).await;
}

#[tokio::test]
async fn one_thing_is_done_to_many_jobs_and_each_tells_what_came_of_it() {
    let _alone = alone().await;
    let server = flowers().await;
    let done = id(&server.train(&iris(1)).await);
    let (one, two) = (server.submit(&iris(1_000_000)).await, server.submit(&iris(1_000_000)).await);
    let absent = "01980000-0000-7000-8000-000000000000";
    let act = async |action: &str, jobs: Value| {
        server.post("/v1/jobs/actions", &json!({"action": action, "jobs": jobs})).await
    };
    let statuses = |answer: &Value| -> Vec<u64> {
        answer["data"].as_array().unwrap().iter().map(|one| one["status"].as_u64().unwrap()).collect()
    };
    let paused = act("pause", json!([one, absent, done])).await.expect(200);
    assert_eq!(statuses(&paused), [202, 404, 409]);
    assert!(paused["data"][2]["problem"]["detail"].as_str().unwrap().contains("succeeded"));
    server.until(&one, |job| job["status"] == "paused").await;
    assert_eq!(statuses(&act("resume", json!([one])).await.expect(200)), [202]);
    assert_eq!(statuses(&act("cancel", json!([one, two])).await.expect(200)), [202, 202]);
    for job in [&one, &two] {
        assert_eq!(server.finished(job).await["status"], "cancelled");
    }
    let again = act("retry", json!([done])).await.expect(200);
    let new = id(&again["data"][0]["job"]);
    assert_eq!(server.finished(&new).await["status"], "succeeded");
    let deleted = act("delete", json!([one, two, one])).await.expect(200);
    assert_eq!(statuses(&deleted), [204, 204, 404]);
    server.get(&format!("/v1/jobs/{one}")).await.expect(404);
    for (body, pointer) in [
        (json!({"action": "stop", "jobs": [done]}), "/action"),
        (json!({"action": "pause", "jobs": []}), "/jobs"),
        (json!({"action": "pause", "jobs": [done, "x"]}), "/jobs/1"),
        (json!({"jobs": [done]}), "/action"),
    ] {
        let refused = server.post("/v1/jobs/actions", &body).await;
        assert_eq!((refused.status.as_u16(), refused.pointers()), (422, vec![pointer]), "{body}");
    }
}
