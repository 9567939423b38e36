//! Calls of the program and what came of them.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// A call in the making.
pub(crate) struct Call(Command);

/// How a call ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What starts a program with the signals of a terminal: whoever runs the tests in the background of a script ignores some, and the
/// program would go on ignoring them.
fn with_default_signals() -> Command {
    let mut call = Command::new("env");
    call.arg("--default-signal=INT,HUP,TERM,USR1");
    call
}

impl Call {
    /// A call of `command`; the commands that compute do so on one thread, which leaves the other cores to other tests.
    pub(crate) fn new(command: &str) -> Self {
        Self::on_threads(command, 1)
    }

    /// The same, on so many threads.
    pub(crate) fn on_threads(command: &str, threads: usize) -> Self {
        let call = Self::on_own_threads(command);
        match ["train", "eval", "predict", "stream", "bench"].contains(&command) {
            true => call.flag("threads", threads.to_string()),
            false => call,
        }
    }

    /// The same, on as many threads as the program takes by itself.
    pub(crate) fn on_own_threads(command: &str) -> Self {
        let mut call = with_default_signals();
        call.args([env!("CARGO_BIN_EXE_lnn-cli"), command]);
        // Whoever runs the tests may be a job of a scheduler.
        call.env_remove("SLURM_CPUS_PER_TASK").env_remove("OMP_NUM_THREADS");
        // A test must neither read the user's data nor fetch any, and a panic must show as users see it.
        call.env("LNN_DATA_DIR", "/nowhere/at/all").env_remove("RUST_BACKTRACE");
        call.env("OMP_WAIT_POLICY", "passive");
        call.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(call)
    }

    /// With one more argument.
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    /// With more arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.0.args(arguments);
        self
    }

    /// With `--name value`.
    pub(crate) fn flag(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.arg(format!("--{name}")).arg(value)
    }

    /// With `--set assignment`.
    pub(crate) fn set(self, assignment: &str) -> Self {
        self.flag("set", assignment)
    }

    /// With an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// In the folder `path`.
    pub(crate) fn inside(mut self, path: &Path) -> Self {
        self.0.current_dir(path);
        self
    }

    /// With other places for its stdout and its stderr.
    pub(crate) fn streams(mut self, stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Self {
        self.0.stdout(stdout).stderr(stderr);
        self
    }

    /// With a place from which it reads its stdin.
    pub(crate) fn reading(mut self, stdin: impl Into<Stdio>) -> Self {
        self.0.stdin(stdin);
        self
    }

    /// Started by a shell that runs `before` first, as `ulimit` or `trap`.
    pub(crate) fn after(self, before: &str) -> Self {
        let mut call = with_default_signals();
        // The first argument of the call sets the signals, which `before` may change.
        call.args(["sh", "-c", &format!("{before}; exec \"$0\" \"$@\"")]).args(self.0.get_args().skip(1));
        for (name, value) in self.0.get_envs() {
            match value {
                Some(value) => call.env(name, value),
                None => call.env_remove(name),
            };
        }
        call.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(call)
    }

    /// Starts it and leaves it running.
    pub(crate) fn start(mut self) -> Running {
        Running(Some(self.0.spawn().expect("the program starts")))
    }

    /// Runs it to its end, which must not be a panic.
    pub(crate) fn end(self) -> Ended {
        self.start().end()
    }

    /// Runs it to its end, which must be good.
    pub(crate) fn succeed(self) -> Ended {
        let ended = self.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended
    }

    /// Runs it to its end, which must be a refusal: exit 2, nothing on stdout. Gives the message.
    pub(crate) fn refused(self) -> String {
        self.fails_with(2)
    }

    /// Runs it to its end, which must be `code` with nothing on stdout and a short message, which it gives.
    pub(crate) fn fails_with(self, code: i32) -> String {
        let shown = format!("{:?}", self.0);
        let Ended { code: found, stdout, stderr } = self.end();
        assert_eq!(found, Some(code), "{shown}\n{stderr}");
        assert_eq!(stdout, "", "{shown}");
        assert!(stderr.contains("error: "), "{shown}\n{stderr}");
        assert!(!stderr.contains("frame #"), "a C++ stack is no message for a user: {shown}\n{stderr}");
        stderr
    }
}

/// A call under way. It is killed if the test ends before it does.
pub(crate) struct Running(Option<Child>);

impl Running {
    /// Sends a signal, such as `INT`.
    pub(crate) fn signal(&mut self, name: &str) {
        let id = self.child().id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().expect("kill exists").success());
    }

    /// Writes to its stdin, which is a pipe and stays open.
    pub(crate) fn write(&mut self, text: &str) {
        let stdin = self.child().stdin.as_mut().expect("its stdin is a pipe");
        stdin.write_all(text.as_bytes()).expect("the program reads");
    }

    /// Reads a line from its stdout, without its end.
    pub(crate) fn read_line(&mut self) -> String {
        let stdout = self.child().stdout.as_mut().expect("its stdout is a pipe");
        let (mut line, mut byte) = (Vec::new(), [0]);
        // No further than the line, because what follows is for a later call.
        loop {
            stdout.read_exact(&mut byte).expect("the program writes a line");
            match byte {
                [b'\n'] => return String::from_utf8(line).expect("the program writes UTF-8"),
                [byte] => line.push(byte),
            }
        }
    }

    /// Closes the reading end of its stdout.
    pub(crate) fn stop_reading(&mut self) {
        drop(self.child().stdout.take());
    }

    /// Waits until `happened`, which must be before the program ends.
    pub(crate) fn wait_until(&mut self, happened: impl Fn() -> bool) {
        while !happened() {
            let runs = self.child().try_wait().expect("the program is ours").is_none();
            assert!(runs, "the program ended too early: {}", self.take_end().stderr);
            sleep(Duration::from_millis(1));
        }
    }

    /// Waits for its end, which must not be a panic.
    pub(crate) fn end(mut self) -> Ended {
        self.take_end()
    }

    fn take_end(&mut self) -> Ended {
        let child = self.0.take().expect("it has not ended");
        let Output { status, stdout, stderr } = child.wait_with_output().expect("the program is ours");
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        let ended = Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) };
        for word in ["panicked", "internal error"] {
            assert!(!ended.stderr.contains(word), "{}", ended.stderr);
        }
        ended
    }

    fn child(&mut self) -> &mut Child {
        self.0.as_mut().expect("it has not ended")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
