//! Two processes on the loopback address.
//!
//! A test starts this program once more for each rank, which then runs the same test as that rank.

use lnn_sys::{GroupDevice, Place, ProcessGroup, Store, StoreAddress};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tch::{Device, Kind, Tensor};

const RANK: &str = "LNN_TEST_RANK";
const PORT: &str = "LNN_TEST_PORT";

/// A group of this process, if it was started as a rank of two.
fn group(timeout: Duration) -> Option<ProcessGroup> {
    let number = |name| std::env::var(name).ok()?.parse().ok();
    let (rank, port) = (number(RANK)?, number(PORT)? as u16);
    let place = Place { rank, size: 2 };
    let address = StoreAddress { host: "127.0.0.1".into(), port, hosted: false, prefix: "test".into() };
    let store = Arc::new(Store::join(&address, place, Duration::from_secs(20)).unwrap());
    let device = GroupDevice::Cpu { interface: None, hostname: Some("127.0.0.1".into()) };
    Some(ProcessGroup::join(&store, place, &device, timeout).unwrap())
}

fn start(test: &str) -> Vec<Child> {
    // The port is free when it is asked for, and hardly taken until it is used.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let start = |rank: usize| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(RANK, rank.to_string())
            .env(PORT, port.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    (0..2).map(start).collect()
}

fn all_succeed(test: &str) {
    for (rank, mut child) in start(test).into_iter().enumerate() {
        assert!(child.wait().unwrap().success(), "rank {rank}");
    }
}

const LONG: Duration = Duration::from_secs(20);

#[test]
fn sums_and_broadcasts_are_the_same_in_both_processes() {
    let Some(group) = group(LONG) else {
        return all_succeed("sums_and_broadcasts_are_the_same_in_both_processes");
    };
    let rank = group.place().rank as f64;
    for kind in [Kind::Float, Kind::Double, Kind::Int64] {
        let mut x = Tensor::arange(100_000, (kind, Device::Cpu)) * (rank as i64 + 1);
        group.all_reduce(&mut x).unwrap();
        assert_eq!(x, Tensor::arange(100_000, (kind, Device::Cpu)) * 3);
    }
    let mut x = Tensor::full([3], rank, (Kind::Double, Device::Cpu));
    group.broadcast(&mut x).unwrap();
    assert_eq!(x, Tensor::zeros([3], (Kind::Double, Device::Cpu)));
    let across = Tensor::zeros([3, 2], (Kind::Float, Device::Cpu)).tr();
    assert!(group.all_reduce(&mut across.shallow_clone()).unwrap_err().to_string().contains("contiguous"));
    group.barrier().unwrap();
}

#[test]
fn a_rank_that_leaves_ends_the_others_with_its_reason() {
    let Some(group) = group(LONG) else {
        return all_succeed("a_rank_that_leaves_ends_the_others_with_its_reason");
    };
    if group.place().rank == 0 {
        group.leave("no space left");
        return;
    }
    let started = Instant::now();
    let error =
        group.all_reduce(&mut Tensor::zeros([3], (Kind::Float, Device::Cpu))).unwrap_err().to_string();
    assert!(
        error.starts_with("rank 1 of 2: all-reduce with rank 0 (rank 0 stopped: no space left) failed: "),
        "{error}"
    );
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_rank_that_does_not_come_is_waited_for_until_the_timeout() {
    let Some(group) = group(Duration::from_secs(2)) else {
        return all_succeed("a_rank_that_does_not_come_is_waited_for_until_the_timeout");
    };
    if group.place().rank == 1 {
        std::thread::sleep(Duration::from_secs(5));
        return;
    }
    let started = Instant::now();
    let error = group.barrier().unwrap_err().to_string();
    assert!(error.starts_with("rank 0 of 2: barrier with rank 1 failed: "), "{error}");
    assert!((1..5).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[test]
fn a_killed_rank_ends_the_others() {
    let test = "a_killed_rank_ends_the_others";
    if let Some(group) = group(LONG) {
        // Until the other one is gone.
        let mut x = Tensor::zeros([100_000], (Kind::Float, Device::Cpu));
        let error = loop {
            if let Err(error) = group.all_reduce(&mut x) {
                break error.to_string();
            }
        };
        assert!(error.contains("rank 1 of 2: all-reduce with rank 0 failed"), "{error}");
        return;
    }
    let mut children = start(test);
    std::thread::sleep(Duration::from_secs(3));
    assert!(children[0].try_wait().unwrap().is_none());
    children[0].kill().unwrap();
    children[0].wait().unwrap();
    let started = Instant::now();
    assert!(children[1].wait().unwrap().success());
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn nobody_at_the_address_and_impossible_places_are_errors() {
    let address = StoreAddress { host: "127.0.0.1".into(), port: 1, hosted: false, prefix: String::new() };
    let error = Store::join(&address, Place { rank: 1, size: 2 }, Duration::from_millis(500)).unwrap_err();
    let error = error.to_string();
    assert!(error.starts_with("rank 1 of 2: meeting with rank 0 at 127.0.0.1:1 failed: "), "{error}");
    assert!(
        Store::join(&address, Place { rank: 2, size: 2 }, LONG).unwrap_err().to_string().contains("2 of 2")
    );
}
