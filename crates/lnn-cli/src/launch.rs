//! What torchrun or Slurm says to the processes of one training, in the environment.

use crate::failure::Failure;
use crate::output::say_error;
use lnn_sys::{GroupDevice, Place, ProcessGroup, Store, StoreAddress};
use lnn_train::Ranks;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tch::Device;

/// The ports that processes of Slurm choose from, by the number of their job.
const PORTS: std::ops::Range<u64> = 20_000..32_000;

/// What connecting may take beyond its timeout.
const GRACE: Duration = Duration::from_secs(5);

/// The processes that train together, as their launcher describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Launch {
    /// The rank of this process, and the number of processes.
    pub(crate) place: Place,
    /// The number of this process among those on this machine, if there are several processes.
    pub(crate) local_rank: Option<usize>,
    /// Whether a launcher starts the processes anew after a failure, and has done so.
    pub(crate) restarts: Restarts,
    /// Where the processes meet; none for one process.
    address: Option<StoreAddress>,
    /// Whether all processes are known to be on this machine.
    one_machine: bool,
    /// A message for the user.
    pub(crate) notice: Option<String>,
}

/// The restarts of torchrun.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Restarts {
    /// How often the processes may be started anew.
    pub(crate) most: u64,
    /// How often they were.
    pub(crate) done: u64,
}

impl Launch {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// [`Failure::Request`] if a variable is missing or is not what its launcher would write.
    pub(crate) fn of_environment() -> Result<Self, Failure> {
        Self::read(&|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let environment = Environment(variable);
        if variable("WORLD_SIZE").is_some() || variable("RANK").is_some() {
            return environment.of_torchrun();
        }
        if variable("SLURM_PROCID").is_some() && variable("SLURM_NTASKS").is_some() {
            return environment.of_slurm();
        }
        Ok(Self::alone())
    }

    fn alone() -> Self {
        Self {
            place: Place::ALONE,
            local_rank: None,
            restarts: Restarts::default(),
            address: None,
            one_machine: true,
            notice: None,
        }
    }

    /// Meets the other processes, which takes part in each operation within `timeout`. The models are on `device`.
    ///
    /// # Errors
    /// [`Failure::Run`] if they do not come.
    pub(crate) fn join(&self, device: Device, timeout: Duration) -> Result<Ranks, Failure> {
        let Some(address) = &self.address else { return Ok(Ranks::default()) };
        let _guard = self.end_after(timeout);
        let store = Arc::new(Store::join(address, self.place, timeout)?);
        let hostname = self.one_machine.then(|| "127.0.0.1".to_owned());
        let interface = std::env::var("GLOO_SOCKET_IFNAME").ok();
        let group = GroupDevice::Cpu { interface, hostname };
        let control = ProcessGroup::join(&store, self.place, &group, timeout)?;
        let on_device = match device {
            Device::Cuda(index) => {
                // NCCL waits without a timeout.
                control.barrier()?;
                Some(ProcessGroup::join(&store, self.place, &GroupDevice::Cuda(index), timeout)?)
            }
            _ => None,
        };
        Ok(Ranks::new(control, on_device))
    }
}

impl Launch {
    /// Ends the process if the result still exists after `timeout` and a little: Gloo has stages of connecting to a process that died
    /// meanwhile in which it counts the time anew.
    fn end_after(&self, timeout: Duration) -> Sender<()> {
        let (sender, receiver) = channel();
        let (Place { rank, size }, limit) = (self.place, timeout + GRACE);
        std::thread::spawn(move || {
            if receiver.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                say_error(&format!(
                    "error: rank {rank} of {size}: connecting with the other ranks failed: timed out after {} s",
                    limit.as_secs()
                ));
                // Not `std::process::exit`: its destructors crash while other threads still compute.
                signal_hook::low_level::exit(1);
            }
        });
        sender
    }
}

/// Variables by name.
struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    fn of_torchrun(&self) -> Result<Launch, Failure> {
        let place = self.place("RANK", "WORLD_SIZE")?;
        let restarts = Restarts {
            most: self.number("TORCHELASTIC_MAX_RESTARTS")?.unwrap_or(0),
            done: self.number("TORCHELASTIC_RESTART_COUNT")?.unwrap_or(0),
        };
        if place.size == 1 {
            return Ok(Launch { restarts, ..Launch::alone() });
        }
        let local_rank = self.number("LOCAL_RANK")?.unwrap_or(place.rank);
        let host = self.required("MASTER_ADDR", "WORLD_SIZE")?;
        let port = self.parsed("MASTER_PORT", &self.required("MASTER_PORT", "WORLD_SIZE")?)?;
        let run = (self.0)("TORCHELASTIC_RUN_ID").unwrap_or_default();
        let hosted = (self.0)("TORCHELASTIC_USE_AGENT_STORE").is_some_and(|value| value == "True");
        let one_machine = self.number("LOCAL_WORLD_SIZE")? == Some(place.size) || is_loopback(&host);
        let prefix = format!("lnn/{run}/{}", restarts.done);
        let address = Some(StoreAddress { host, port, hosted, prefix });
        Ok(Launch { place, local_rank: Some(local_rank), restarts, address, one_machine, notice: None })
    }

    fn of_slurm(&self) -> Result<Launch, Failure> {
        let place = self.place("SLURM_PROCID", "SLURM_NTASKS")?;
        let job: u64 = self.number("SLURM_JOB_ID")?.unwrap_or(0);
        let step = (self.0)("SLURM_STEP_ID");
        if place.size > 1 && job > 0 && step.is_none() {
            let notice = format!(
                "note: SLURM_NTASKS is {}, but this process was not started by srun, so it trains alone; hint: srun lnn-cli train …",
                place.size
            );
            return Ok(Launch { notice: Some(notice), ..Launch::alone() });
        }
        if place.size == 1 {
            return Ok(Launch::alone());
        }
        let nodes = ["SLURM_STEP_NODELIST", "SLURM_NODELIST"].iter().find_map(|name| (self.0)(name));
        let first = nodes.as_deref().and_then(first_node);
        let host = (self.0)("MASTER_ADDR").or(first).unwrap_or_else(|| "127.0.0.1".into());
        let step = step.unwrap_or_default();
        let spread = step.parse().unwrap_or(0_u64).wrapping_add(job.wrapping_mul(7));
        let own = PORTS.start + spread % (PORTS.end - PORTS.start);
        let port = match (self.0)("MASTER_PORT") {
            Some(port) => self.parsed("MASTER_PORT", &port)?,
            None => own as u16,
        };
        let restart = (self.0)("SLURM_RESTART_COUNT").unwrap_or_default();
        let nodes: Option<u64> = self.number("SLURM_NNODES")?;
        let one_machine = nodes == Some(1) || is_loopback(&host);
        let address =
            Some(StoreAddress { host, port, hosted: false, prefix: format!("lnn/{job}.{step}.{restart}") });
        let local_rank = Some(self.number("SLURM_LOCALID")?.unwrap_or(place.rank));
        Ok(Launch { place, local_rank, restarts: Restarts::default(), address, one_machine, notice: None })
    }

    fn place(&self, rank: &str, size: &str) -> Result<Place, Failure> {
        let number = |name: &str, other: &str| self.parsed(name, &self.required(name, other)?);
        let place = Place { rank: number(rank, size)?, size: number(size, rank)? };
        if place.rank >= place.size {
            return Err(Failure::request(format!(
                "{rank}: expected a number below {size}, {}, found {}",
                place.size, place.rank
            )));
        }
        Ok(place)
    }

    fn required(&self, name: &str, other: &str) -> Result<String, Failure> {
        (self.0)(name).ok_or_else(|| {
            Failure::request(format!(
                "expected the variable {name} beside {other}, found none; hint: torchrun and srun set both"
            ))
        })
    }

    fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        (self.0)(name).map(|text| self.parsed(name, &text)).transpose()
    }

    #[expect(clippy::unused_self, reason = "a variable of the environment")]
    fn parsed<T: FromStr>(&self, name: &str, text: &str) -> Result<T, Failure> {
        text.trim().parse().map_err(|_| {
            Failure::request(format!(
                "the variable {name}: expected a whole number in its range, found `{text}`"
            ))
        })
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "::1" || host.starts_with("127.")
}

/// The first machine of a list of Slurm, as `gpu07` of `gpu[07-09,12],big1`.
fn first_node(list: &str) -> Option<String> {
    let end = list.find(['[', ',']).unwrap_or(list.len());
    let (name, rest) = list.split_at(end);
    let Some(numbers) = rest.strip_prefix('[') else { return (!name.is_empty()).then(|| name.to_owned()) };
    let (inside, behind) = numbers.split_once(']')?;
    let first = inside.split([',', '-']).next()?;
    let behind = behind.split(',').next().unwrap_or_default();
    Some(format!("{name}{first}{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Launch, String> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Launch::read(&variable).map_err(|failure| failure.to_string())
    }

    #[test]
    fn without_a_launcher_a_process_trains_alone() {
        assert_eq!(read(&[]), Ok(Launch::alone()));
        assert_eq!(read(&[("RANK", "0"), ("WORLD_SIZE", "1")]), Ok(Launch::alone()));
        assert_eq!(read(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "1")]), Ok(Launch::alone()));
        // A script of a batch job that calls the program without srun.
        let batch = read(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4"), ("SLURM_JOB_ID", "7")]).unwrap();
        assert!(batch.place == Place::ALONE && batch.notice.unwrap().contains("srun"));
    }

    #[test]
    fn torchrun_says_who_hosts_the_store_and_how_often_it_began_anew() {
        let launch = read(&[
            ("RANK", "3"),
            ("LOCAL_RANK", "1"),
            ("WORLD_SIZE", "4"),
            ("MASTER_ADDR", "node0"),
            ("MASTER_PORT", "29500"),
            ("TORCHELASTIC_USE_AGENT_STORE", "True"),
            ("TORCHELASTIC_RESTART_COUNT", "2"),
            ("TORCHELASTIC_MAX_RESTARTS", "3"),
            ("TORCHELASTIC_RUN_ID", "x"),
        ])
        .unwrap();
        assert_eq!((launch.place, launch.local_rank), (Place { rank: 3, size: 4 }, Some(1)));
        assert_eq!(launch.restarts, Restarts { most: 3, done: 2 });
        let address = launch.address.unwrap();
        assert_eq!((address.host.as_str(), address.port, address.hosted), ("node0", 29_500, true));
        assert_eq!(address.prefix, "lnn/x/2");
        assert!(!launch.one_machine);
    }

    #[test]
    fn tasks_of_slurm_meet_on_the_first_machine_at_a_port_of_their_job() {
        let with = |job: &str, step: &str| {
            let variables = [
                ("SLURM_PROCID", "5"),
                ("SLURM_LOCALID", "1"),
                ("SLURM_NTASKS", "8"),
                ("SLURM_JOB_ID", job),
                ("SLURM_STEP_ID", step),
                ("SLURM_STEP_NODELIST", "gpu[07-09,12],big1"),
                ("SLURM_NNODES", "5"),
            ];
            let launch = read(&variables).unwrap();
            assert_eq!((launch.place, launch.local_rank), (Place { rank: 5, size: 8 }, Some(1)));
            launch.address.unwrap()
        };
        let address = with("4711", "0");
        assert!(address.host == "gpu07" && !address.hosted);
        assert!(PORTS.contains(&u64::from(address.port)));
        assert_ne!(address.port, with("4711", "1").port);
        assert_ne!(address.port, with("4712", "0").port);
    }

    #[test]
    fn the_first_machine_of_a_list_is_found() {
        for (list, first) in
            [("a", "a"), ("a,b", "a"), ("n[3]", "n3"), ("n[03-08]-ib,m", "n03-ib"), ("n[1,3],m", "n1")]
        {
            assert_eq!(first_node(list).as_deref(), Some(first));
        }
        assert_eq!(first_node(""), None);
        assert_eq!(first_node("n[3"), None);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let wrong = |variables: &[(&str, &str)]| read(variables).unwrap_err();
        assert!(wrong(&[("WORLD_SIZE", "2")]).contains("expected the variable RANK beside WORLD_SIZE"));
        assert!(
            wrong(&[("WORLD_SIZE", "2"), ("RANK", "2")])
                .contains("RANK: expected a number below WORLD_SIZE, 2")
        );
        assert!(
            wrong(&[("WORLD_SIZE", "two"), ("RANK", "1")]).contains("WORLD_SIZE: expected a whole number")
        );
        let two = [("WORLD_SIZE", "2"), ("RANK", "1"), ("MASTER_ADDR", "a")];
        assert!(wrong(&two).contains("MASTER_PORT"));
        assert!(wrong(&[&two[..], &[("MASTER_PORT", "70000")]].concat()).contains("70000"));
    }
}
