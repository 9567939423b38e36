//! What becomes of a run whose ranks are lost, stopped or unlike each other.

use crate::image_sets::SetFolder;
use crate::interruption::LARGE_SET;
use crate::program::{Call, Ended, Running};
use crate::rank_calls::{Launcher, end_two, start_by, start_two, succeed_two};
use crate::run_contents::assert_same_run;
use crate::trained_runs::{LIQUID_TUNED, LNN_ARTICLE};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The epochs of a run.
const EPOCHS: usize = 4;

/// Training of many short epochs.
fn train(out: &Path) -> Call {
    LIQUID_TUNED
        .train(out)
        .flag("data", &*LARGE_SET)
        .set("model.units=8")
        .set("batch_size=10")
        .flag("epochs", EPOCHS.to_string())
        .flag("rank-timeout", "15")
}

/// As torchrun starts the ranks again, `count` times so far.
fn restarted(call: Call, count: usize) -> Call {
    call.env("TORCHELASTIC_RESTART_COUNT", count.to_string()).env("TORCHELASTIC_MAX_RESTARTS", "100")
}

fn codes(ended: &[Ended; 2]) -> [Option<i32>; 2] {
    ended.each_ref().map(|ended| ended.code)
}

/// Kills a rank at some moment of a run, `kills` times in turns, starts both again, and holds the run against one that nobody killed.
fn killed_and_started_again(kills: usize) {
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    let started = Instant::now();
    succeed_two(|| train(&whole));
    let seconds = started.elapsed().as_secs_f64();
    for kill in 0..kills {
        let mut ranks = start_two(|| restarted(train(&parts), kill));
        // At moments that are spread over a whole run, the start included.
        sleep(Duration::from_secs_f64(seconds * (kill as f64 * 0.618).fract()));
        let victim = kill % 2;
        ranks[victim].signal("KILL");
        let killed = Instant::now();
        let ended = ranks.map(Running::end);
        // A rank that was killed before they met is waited for until the timeout.
        assert!(killed.elapsed() < Duration::from_secs(40), "{:?}", killed.elapsed());
        let trained = fs::read_to_string(parts.join("metrics.jsonl")).map_or(0, |text| text.lines().count());
        let other = &ended[1 - victim];
        // A rank that has finished already cannot be killed, and the other has no more need of one that was killed at its end.
        if codes(&ended)[victim].is_none() && !(trained == EPOCHS && other.code == Some(0)) {
            assert_eq!(other.code, Some(1), "{}", other.stderr);
            let words = format!("rank {}: error: rank {} of 2: ", 1 - victim, 1 - victim);
            assert!(
                other.stderr.contains(&words) && other.stderr.contains(" with rank "),
                "{}",
                other.stderr
            );
            assert!(!other.stderr.contains("frame #"), "{}", other.stderr);
        }
        if trained == EPOCHS || kill + 1 == kills {
            succeed_two(|| restarted(train(&parts), kill + 1));
            assert_same_run(&whole, &parts);
            // The next kill meets a run from its beginning.
            fs::remove_dir_all(&parts).unwrap();
        }
    }
}

#[test]
fn a_killed_rank_ends_the_other_and_the_run_goes_on_from_its_checkpoint() {
    killed_and_started_again(3);
}

/// Takes minutes.
#[test]
#[ignore = "takes minutes"]
fn twenty_killed_ranks_lose_nothing() {
    killed_and_started_again(20);
}

#[test]
fn a_signal_to_one_rank_stops_both_at_the_same_step() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    succeed_two(|| train(&whole));
    for rank in [0, 1] {
        let resume = || Call::new("train").flag("resume", &parts);
        let mut ranks = if rank == 0 { start_two(|| train(&parts)) } else { start_two(resume) };
        // Both train when the run has a line more.
        let lines = || fs::read_to_string(parts.join("metrics.jsonl")).map_or(0, |text| text.lines().count());
        let before = lines();
        ranks[0].wait_until(|| lines() > before);
        ranks[rank].signal("TERM");
        let ended = ranks.map(Running::end);
        assert_eq!(codes(&ended), [Some(130); 2], "{}\n{}", ended[0].stderr, ended[1].stderr);
    }
    succeed_two(|| Call::new("train").flag("resume", &parts));
    assert_same_run(&whole, &parts);
}

#[test]
fn a_rank_that_cannot_write_ends_the_other_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let mut ranks = start_two(|| train(&run));
    ranks[0].wait_until(|| run.join("last.safetensors").exists());
    fs::rename(&run, folder.path().join("moved")).unwrap();
    let ended = ranks.map(Running::end);
    assert_eq!(codes(&ended), [Some(1); 2]);
    assert!(
        ended[0].stderr.contains("rank 0: error: ") && ended[0].stderr.contains("renamed"),
        "{}",
        ended[0].stderr
    );
    let other = &ended[1].stderr;
    assert!(other.contains("(rank 0 stopped: ") && other.contains("renamed"), "{other}");
}

#[test]
fn a_rank_that_never_comes_is_not_waited_for_longer_than_the_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let call = LIQUID_TUNED.train(&folder.path().join("run")).flag("data", &*LARGE_SET);
    let call = call.flag("rank-timeout", "2");
    let call = crate::rank_calls::as_rank(call, 0, crate::rank_calls::free_port(), Launcher::Torchrun);
    let text = call.fails_with(1);
    assert!(text.contains("rank 0: error: rank 0 of 2: meeting with rank 1 at 127.0.0.1:"), "{text}");
    assert!(started.elapsed() < Duration::from_secs(30));
    assert!(!folder.path().join("run").exists());
}

#[test]
fn a_loss_that_is_not_finite_ends_both_ranks_at_the_same_step() {
    let (data, folder) = (SetFolder::usual(), tempfile::tempdir().unwrap());
    let out = folder.path().join("run");
    let ended =
        end_two(|| LIQUID_TUNED.train(&out).flag("data", data.spec()).set("optimizer.learning_rate=1e38"));
    assert_eq!(codes(&ended), [Some(1); 2]);
    let said = |ended: &Ended| {
        let text = ended.stderr.split("loss is ").nth(1).unwrap_or_else(|| panic!("{}", ended.stderr));
        text.split(';').next().unwrap().to_owned()
    };
    assert_eq!(said(&ended[0]), said(&ended[1]));
}

#[test]
fn ranks_with_other_command_lines_or_data_are_refused() {
    let (data, other, folder) =
        (SetFolder::usual(), SetFolder::of([100, 20], 16), tempfile::tempdir().unwrap());
    let out = folder.path().join("run");
    for (which, what) in [("seed", "configuration"), ("data", "numbers of samples")] {
        let call = |rank: usize| {
            let data = if which == "data" && rank == 1 { other.spec() } else { data.spec() };
            let seed = if which == "seed" { rank.to_string() } else { "0".into() };
            LNN_ARTICLE.train(&out).flag("data", data).flag("seed", seed)
        };
        let ended = start_by(Launcher::Torchrun, call).map(Running::end);
        assert_eq!(codes(&ended), [Some(1), Some(2)], "{}", ended[0].stderr);
        assert!(
            ended[1].stderr.contains("rank 1: error: ") && ended[1].stderr.contains(what),
            "{}",
            ended[1].stderr
        );
        assert!(ended[0].stderr.contains("rank 1 stopped: "), "{}", ended[0].stderr);
        assert!(!out.exists());
    }
}

#[test]
fn what_several_ranks_cannot_do_is_refused() {
    let (data, folder) = (SetFolder::usual(), tempfile::tempdir().unwrap());
    let out = folder.path().join("run");
    let refused = |change: &dyn Fn(Call) -> Call, words: &str| {
        let ended = end_two(|| change(LIQUID_TUNED.train(&out).flag("data", data.spec())));
        assert_eq!(codes(&ended), [Some(2); 2], "{}", ended[0].stderr);
        assert!(ended[0].stderr.contains(words), "{}", ended[0].stderr);
        assert!(!out.exists());
    };
    refused(&|call| call.set("cuda_graph=true"), "cuda_graph=true");
    refused(&|call| call.flag("diagnose", "gradients"), "--diagnose gradients: expected one rank, found 2");
    refused(&|call| call.flag("device", "cuda:0"), "--device: expected auto or cpu");
    let call = Call::new("train").flag("model", "liquid").flag("data", data.spec());
    let text = call.env("RANK", "0").env("WORLD_SIZE", "1").env("TORCHELASTIC_MAX_RESTARTS", "1").refused();
    assert!(text.contains("--out: expected the folder of the run"), "{text}");
    let text = Call::new("train").flag("model", "liquid").env("RANK", "0").env("WORLD_SIZE", "x").refused();
    assert!(text.contains("the variable WORLD_SIZE"), "{text}");
}

#[test]
fn a_folder_that_holds_a_run_is_refused_by_rank_0_and_the_other_says_so() {
    let (data, folder) = (SetFolder::usual(), tempfile::tempdir().unwrap());
    let out = folder.path().join("run");
    let call = || LNN_ARTICLE.train(&out).flag("data", data.spec()).flag("epochs", "1");
    succeed_two(call);
    let ended = end_two(call);
    assert_eq!(codes(&ended), [Some(2), Some(1)], "{}", ended[1].stderr);
    assert!(ended[0].stderr.contains("holds a run already"), "{}", ended[0].stderr);
    assert!(ended[1].stderr.contains("rank 0 stopped: "), "{}", ended[1].stderr);
}
