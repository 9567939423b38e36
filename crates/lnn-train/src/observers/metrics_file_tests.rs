use super::*;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

fn metrics(epoch: u64) -> EpochMetrics {
    EpochMetrics {
        epoch,
        epochs: 9,
        step: epoch * 10,
        loss: 0.1,
        accuracy: Some(0.9),
        val_loss: 0.2,
        val_accuracy: Some(0.8),
        lr: 1e-3,
        samples_per_second: 100.0,
        seconds: 1.0,
        eta_seconds: 2.0,
        best: true,
        spike_rate: None,
        mean_state: None,
        active_units: None,
        added_units: Vec::new(),
    }
}

fn event(epoch: u64) -> Event {
    Event::Epoch(metrics(epoch))
}

/// A folder with the file of a run that has finished `epochs` epochs.
fn finished(epochs: u64) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    let mut file = MetricsFile::open(&path, 0, &[]).unwrap();
    (1..=epochs).for_each(|epoch| file.observe(&event(epoch)).unwrap());
    (folder, path)
}

/// The epochs of all lines, which must be complete.
fn epochs(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str::<EpochMetrics>(line).unwrap().epoch).collect()
}

#[test]
fn a_resumed_run_drops_the_lines_that_it_will_write_again() {
    let (_folder, path) = finished(3);
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str(r#"{"epoch": 4, "cut"#);
    fs::write(&path, text).unwrap();
    let mut file = MetricsFile::open(&path, 2, &[]).unwrap();
    assert_eq!(file.take_notice(), None);
    file.observe(&event(3)).unwrap();
    assert_eq!(epochs(&path), [1, 2, 3]);
}

#[test]
fn a_line_that_a_kill_or_a_broken_byte_cost_is_restored_from_the_checkpoint() {
    let (_folder, path) = finished(4);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 8 * 3; // in the second line
    bytes[middle] = 0xff;
    // The run was killed in the middle of its fourth line.
    bytes.truncate(bytes.len() - 20);
    fs::write(&path, &bytes).unwrap();
    let recorded: Vec<_> = (2..=4).map(metrics).collect();
    let mut file = MetricsFile::open(&path, 4, &recorded).unwrap();
    assert_eq!((epochs(&path), file.take_notice()), (vec![1, 2, 3, 4], None));
}

#[test]
fn lines_that_nothing_can_restore_are_announced_and_the_others_stay_as_they_are() {
    let (_folder, path) = finished(3);
    let kept = fs::read_to_string(&path).unwrap().replace("\"epochs\":9", "\"epochs\":9,\"mine\":1");
    let kept: Vec<&str> = kept.lines().collect();
    fs::write(&path, format!("{}\nno line\n{}\n", kept[0], kept[2])).unwrap();
    let notice = MetricsFile::open(&path, 3, &[]).unwrap().take_notice().unwrap();
    assert!(notice.starts_with("warning: ") && notice.contains("1 of 3 finished epochs"), "{notice}");
    assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n{}\n", kept[0], kept[2]));
}

#[test]
fn a_file_that_is_removed_or_changed_while_training_is_written_again_with_a_warning() {
    let (_folder, path) = finished(0);
    let mut file = MetricsFile::open(&path, 0, &[]).unwrap();
    file.observe(&event(1)).unwrap();
    fs::remove_file(&path).unwrap();
    file.observe(&event(2)).unwrap();
    let notice = file.take_notice().unwrap();
    assert!(notice.starts_with("warning: ") && notice.contains("metrics.jsonl was removed"), "{notice}");
    fs::write(path.with_extension("other"), "not ours\n").unwrap();
    fs::rename(path.with_extension("other"), &path).unwrap();
    file.observe(&event(3)).unwrap();
    assert!(file.take_notice().is_some());
    fs::write(&path, "").unwrap();
    file.observe(&event(4)).unwrap();
    assert!(file.take_notice().is_some());
    file.observe(&event(5)).unwrap();
    assert_eq!((epochs(&path), file.take_notice()), (vec![1, 2, 3, 4, 5], None));
}
