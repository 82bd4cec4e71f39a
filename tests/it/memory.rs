//! What training takes beyond an idle worker, measured on the worker's process, against what the plan says.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::support::{Server, alone, example, idx, mnist, server_with};

macro_rules! measure {
    ($($test:ident: $example:literal;)*) => {
        $(#[tokio::test]
        #[ignore = "an epoch of training on all of MNIST; one at a time"]
        async fn $test() {
            measure($example).await;
        })*
    };
}

measure! {
    the_fully_connected_network_takes_what_its_plan_says: "mnist-fully-connected";
    the_cnn_of_the_lab_takes_what_its_plan_says: "mnist-lab-cnn";
    the_cnn_of_the_text_takes_what_its_plan_says: "mnist-cnn";
}

/// The greatest resident size of a worker that trains an epoch and was idle before, over what it had then. That is
/// weights, activations, what libtorch takes for its own work, and as much of the data set as was read where it is
/// mapped.
async fn measure(name: &str) {
    let server = server_with(|config| config.jobs.idle_workers = 1).await;
    server.upload("name=mnist&format=idx", mnist::archive(60_000, 10_000)).await.expect(201);
    let worker = idle_worker(&server).await;
    let before = kib(&worker, "VmRSS");
    let mut body = example(name);
    body["training"]["epochs"] = json!(1);
    let planned = planned(&server, &body).await;
    server.train_long(&body).await;
    let measured = (kib(&worker, "VmHWM") - before) * 1024;
    let ratio = planned as f64 / measured as f64;
    println!("{name}: planned {planned}, measured {measured}, ratio {ratio:.2}");
    println!("{name}: anonymous {} KiB, data {} KiB", kib(&worker, "RssAnon"), kib(&worker, "VmData"));
    assert!((1.0 / 1.5..1.5).contains(&ratio));
}

/// A set of twice the bytes that its run may take: it is mapped, and nothing copies it.
#[tokio::test]
async fn a_set_larger_than_the_memory_of_its_run_trains() {
    const SIDE: u32 = 512;
    const COUNT: u32 = 512;
    let _alone = alone().await;
    let server = server_with(|_| {}).await;
    let head = |extents: &[u32]| {
        let extents: Vec<u8> = extents.iter().flat_map(|extent| extent.to_be_bytes()).collect();
        [&[0, 0, 8, extents.len() as u8 / 4][..], &extents].concat()
    };
    let mut images = head(&[COUNT, SIDE, SIDE]);
    images.extend((0..COUNT).flat_map(|image| vec![(image % 2 * 200) as u8; (SIDE * SIDE) as usize]));
    let mut labels = head(&[COUNT]);
    labels.extend((0..COUNT).map(|image| (image % 2) as u8));
    let archive = idx::tar(&vec![("images".to_owned(), images), ("labels".to_owned(), labels)]);
    server.upload("name=large&format=idx", archive).await.expect(201);
    let body = json!({"name": "large", "seed": 1, "resources": {"memory_mb": 64, "device": "cpu"}, "training": {
        "method": "supervised", "dataset": {"name": "large", "target": "label"}, "batch_size": 4, "metrics": ["accuracy"],
        "optimizer": {"type": "adam", "learning_rate": 0.01},
        "loss": "categorical_cross_entropy", "augmentation": ["random_flip"],
        "model": {"layers": [{"type": "max_pool2d", "pool_size": 64}, {"type": "flatten"},
            {"type": "dense", "activation": "softmax"}]}}});
    let job = server.train_long(&body).await;
    assert!(job["metrics"]["accuracy"].as_f64().unwrap() > 0.7, "{}", job["metrics"]);
}

async fn planned(server: &Server, body: &serde_json::Value) -> u64 {
    let plan = server.post("/v1/plans", body).await;
    plan.body["step"]["memory_bytes"].as_u64().unwrap()
}

/// The process of this server's one worker, once it waits for a run.
async fn idle_worker(server: &Server) -> String {
    let mut sizes = Vec::new();
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let Some(worker) = workers(server).pop() else { continue };
        // It has woken libtorch when it grows no more.
        sizes.push(kib(&worker, "VmRSS"));
        if sizes.len() > 10 && sizes[sizes.len() - 10..].iter().all(|size| size == &sizes[sizes.len() - 1]) {
            return worker;
        }
    }
}

/// The processes of this server's workers.
fn workers(server: &Server) -> Vec<String> {
    let folder = server.folder.path().to_str().unwrap();
    let works = |process: &String| {
        let line = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
        line.contains("run-worker") && line.contains(folder)
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|entry| entry.file_name().into_string().ok()).filter(works).collect()
}

fn kib(process: &str, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
