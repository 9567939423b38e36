//! The time between steps in TorchScript: `dt` comes in the unit of the data, and a cell takes it in the unit of training.

use lnn_core::{Script, Timing};
use lnn_sys::ScriptAttribute;

/// A typical `dt` that is more than this many times longer or shorter than that of training is warned of.
const FAR: f64 = 10.0;

/// The part `time` of a network whose cells know time; `timing` is the time of its training data, if that had any.
pub(crate) fn of(timing: Option<&Timing>) -> Script {
    let (unit, remarks) = match timing {
        None => (1.0, NO_REMARKS.to_owned()),
        Some(timing) => {
            let typical = timing.typical();
            let remarks = REMARKS
                .replace("TYPICAL", &typical.to_string())
                .replace("UNIT", &timing.unit.to_string())
                .replace("LONGEST", &format!("{:?}", typical * FAR))
                .replace("SHORTEST", &format!("{:?}", typical / FAR));
            (timing.unit, remarks)
        }
    };
    Script::new("Time", SCRIPT.to_owned() + &remarks)
        .attribute("unit", ScriptAttribute::Float(unit))
        .attribute("warned", ScriptAttribute::Bool(false))
}

/// `scaled` is what a cell takes; `check` reads the values, for which it waits for the device.
const SCRIPT: &str = "
def scaled(self, dt: Optional[Tensor], dtype: int) -> Optional[Tensor]:
    if dt is None:
        self.absent()
        return dt
    return (dt / self.unit).to(dtype)

def check(self, dt: Optional[Tensor]) -> None:
    if dt is not None:
        fits = bool(torch.logical_and(dt >= 0, torch.isfinite(dt)).all())
        assert fits, 'dt must hold finite numbers of at least 0'
        if dt.numel() > 0:
            self.compare(float(dt.median()))
";

/// What is likely to be a mistake, said once: a script itself would say it at each call.
const REMARKS: &str = "
def absent(self) -> None:
    if not self.warned:
        self.warned = True
        torch.warn('the model was trained with the time between steps, typically TYPICAL, and got no dt: each step counts as \
        UNIT; hint: pass dt in the unit of the time column')

def compare(self, dt: float) -> None:
    if not self.warned and (dt > LONGEST or dt < SHORTEST):
        self.warned = True
        torch.warn('the median dt is far from TYPICAL, the typical one of training; hint: dt is in the unit of the time column')
";

/// Training had no time: nothing is known to compare with.
const NO_REMARKS: &str = "
def absent(self) -> None:
    pass

def compare(self, dt: float) -> None:
    pass
";
