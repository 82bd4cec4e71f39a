//! Uploads are read by a child, and what it made is taken over.

use lyceum::jobs::ImportError;
use lyceum::store::{Created, PutDataset};

use super::{Queue, iris, program, upload};

fn put(created: Created<PutDataset>) -> PutDataset {
    match created {
        Created::Now(put) => put,
        Created::Before(answer) => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn the_same_content_is_the_same_version() {
    let queue = Queue::start(&program()).await;
    let first = put(queue.jobs.import_dataset(upload("iris", iris())).await.unwrap());
    let again = put(queue.jobs.import_dataset(upload("iris", iris())).await.unwrap());
    assert!(first.new && !again.new);
    assert_eq!((first.version.schema.version, again.version.schema.version), (1, 1));
    assert_eq!(first.version.schema.examples, 150);
    // Under another name it is another data set on the same files.
    let other = put(queue.jobs.import_dataset(upload("flowers", iris())).await.unwrap());
    assert!(other.new && other.version.key == first.version.key);
    assert_eq!(queue.jobs.dataset("flowers", None).await.unwrap().schema().name, "flowers");
    assert!(!queue.jobs.delete_dataset("iris", 1).await.unwrap().unused);
    assert!(queue.jobs.dataset("iris", None).await.is_err());
    assert_eq!(queue.jobs.dataset("flowers", Some(1)).await.unwrap().rows(), 150);
    assert!(std::fs::read_dir(queue.folder.uploads()).unwrap().next().is_none());
}

#[tokio::test]
async fn what_is_no_table_is_refused_with_its_line() {
    let queue = Queue::start(&program()).await;
    let source = queue.folder.path().join("wrong.csv");
    std::fs::write(&source, "a,b\n1,2\n3\n").unwrap();
    match queue.jobs.import_dataset(upload("wrong", source)).await {
        Err(ImportError::Refused(refusal)) => assert_eq!(refusal.line, Some(3), "{}", refusal.detail),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was taken"),
    }
}
