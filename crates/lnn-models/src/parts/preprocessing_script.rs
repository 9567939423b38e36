//! The preprocessing in TorchScript.
//!
//! The dtype of the model is an argument, because statistics may be kept in a wider one: the input is standardised in the widest of
//! both and of its own, and rounded afterwards. TorchScript knows dtypes by their numbers: 5 is float16, 7 is float64, 15 is bfloat16.

use crate::parts::reading_order::Scan;
use crate::parts::standardization::Standardization;
use lnn_core::{InputShape, InputSpec, Missing, Script, Task};
use lnn_sys::ScriptAttribute;

/// The preprocessing of `input`, of which `constants` numbers have an infinite deviation. A network that can be run by the steps of an
/// image says in which `order` it reads them.
pub(crate) fn of(
    standardization: Standardization,
    constants: i64,
    input: &InputSpec,
    order: Option<Scan>,
) -> Script {
    let source = match input.shape {
        InputShape::Images { channels, height, width } => {
            let by_step = order.map_or_else(String::new, |scan| match scan.stands_still(standardization) {
                true => STEPS_OF_IMAGES.replace("SCAN", &scan.script()),
                false => NO_STEPS.to_owned(),
            });
            (IMAGES.to_owned() + &by_step)
                .replace("CHANNELS", &channels.to_string())
                .replace("HEIGHT", &height.to_string())
                .replace("WIDTH", &width.to_string())
        }
        InputShape::Sequences { ref features } => SEQUENCES
            .replace("FEATURES", &features.len().to_string())
            .replace("    MISSING\n", if input.may_miss() { MISSING } else { "" }),
    };
    let check = match (&input.shape, input.missing) {
        (InputShape::Images { .. }, _) => CHECK_IMAGES,
        (InputShape::Sequences { .. }, Missing::Refused) => CHECK_SEQUENCES,
        (InputShape::Sequences { .. }, Missing::Mask) => CHECK_PRESENT,
    };
    let values = match (&input.task, input.quantiles.len()) {
        (Task::Classification { .. }, _) => STAYS.to_owned(),
        (Task::Regression { .. }, 0) => TO_UNITS.to_owned(),
        (Task::Regression { .. }, quantiles) => {
            QUANTILES_TO_UNITS.replace("QUANTILES", &quantiles.to_string())
        }
    };
    let source = CHECK_STATISTICS.to_owned() + &source + check + &values;
    Script::new("Preprocessing", source).attribute("constants", ScriptAttribute::Int(constants))
}

/// `half()` and `bfloat16()` round the statistics, too. That is refused where it would move standardised inputs by more than a tenth
/// of a deviation. The deviation of a constant is infinite; others must not become so. Modules in float32 and float64 are not
/// checked.
const CHECK_STATISTICS: &str = "
def check_statistics(self) -> None:
    half, bfloat16 = self.mean.dtype == 5, self.mean.dtype == 15
    if half or bfloat16:
        epsilon = 0.001 if half else 0.008
        precise = torch.logical_and(torch.isfinite(self.mean), self.mean.abs() * epsilon < 0.2 * self.deviation)
        fits = bool(precise.all()) and int(torch.isinf(self.deviation).sum()) == self.constants
        assert fits, 'the means and deviations of the inputs do not fit into this dtype; hint: float() or double() of the \
            exported module, which must be loaded again'
";

/// The check of `InputSpec::check` and the equation of `Preprocessing::apply` for images.
const IMAGES: &str = "
def forward(self, images: Tensor, dtype: int) -> Tensor:
    fits = images.dim() == 4 and images.size()[1:] == [CHANNELS, HEIGHT, WIDTH]
    assert fits, 'the model takes images [N, CHANNELS, HEIGHT, WIDTH], found {}'.format(images.size())
    assert images.is_floating_point(), 'the model takes floating-point images in 0..1; hint: images.float() / 255'
    self.check_statistics()
    return ((images - self.mean) / self.deviation).to(dtype)
";

/// The same for images that were read as sequences; `SCAN` stands for the reading. The statistics are the same at each step.
const STEPS_OF_IMAGES: &str = "
def read(self, x: Tensor) -> Tensor:
    return SCAN

def one_step(self, numbers: Tensor) -> Tensor:
    return self.read(numbers.expand([1, CHANNELS, HEIGHT, WIDTH]))[:, :1]

def steps(self, x: Tensor, dtype: int) -> Tensor:
    mean, deviation = self.one_step(self.mean), self.one_step(self.deviation)
    fits = x.dim() == 3 and x.size(1) > 0 and x.size(2) == mean.size(2)
    assert fits, 'a sequence is [N, T, {}], found {}'.format(mean.size(2), x.size())
    assert x.is_floating_point(), 'the model takes floating-point sequences'
    self.check_statistics()
    return ((x - mean) / deviation).to(dtype)
";

/// The same where each step of an image has statistics of its own: which step it is cannot be known.
const NO_STEPS: &str = "
def steps(self, x: Tensor, dtype: int) -> Tensor:
    assert False, 'each column of an image has its own standardization, and this model reads columns; hint: forward takes \
        whole images, and a model that was trained with standardization=channels takes steps, too'
    return x
";

/// The same for sequences.
const SEQUENCES: &str = "
def forward(self, x: Tensor, dtype: int) -> Tensor:
    fits = x.dim() == 3 and x.size(1) > 0 and x.size(2) == FEATURES
    assert fits, 'the model takes sequences [N, T, FEATURES], found {}'.format(x.size())
    assert x.is_floating_point(), 'the model takes floating-point sequences'
    self.check_statistics()
    x = ((x - self.mean) / self.deviation).to(dtype)
    MISSING
    return x

def steps(self, x: Tensor, dtype: int) -> Tensor:
    return self.forward(x, dtype)
";

/// Missing values become 0, and each feature gets a second number that is 1 where it is present.
const MISSING: &str = "    missing = torch.isnan(x)
    x = torch.cat([x.masked_fill(missing, 0.0), torch.logical_not(missing).to(dtype)], 2)
";

/// What costs a pass over the numbers, and is therefore checked on request alone.
const CHECK_IMAGES: &str = "
def check(self, images: Tensor) -> None:
    inside = bool(torch.logical_and(images >= 0, images <= 1).all())
    assert inside, 'the model takes images in 0..1, found {} to {}; hint: bytes are divided by 255'.format(
        images.min().item(), images.max().item())
";

/// The same for sequences.
const CHECK_SEQUENCES: &str = "
def check(self, x: Tensor) -> None:
    assert bool(torch.isfinite(x).all()), 'the model takes finite numbers, found NaN or infinite ones; hint: one that was \
        trained with missing=mask takes NaN for a missing value'
";

/// The same where NaN is a missing value.
const CHECK_PRESENT: &str = "
def check(self, x: Tensor) -> None:
    assert not bool(torch.isinf(x).any()), 'the model takes finite numbers, and NaN for missing values, found infinite ones'
";

/// `Preprocessing::to_units` for values: in float64 where the input `x` was, otherwise in the dtype of the model.
const TO_UNITS: &str = "
def to_units(self, output: Tensor, x: Tensor) -> Tensor:
    if x.dtype == 7:
        output = output.double()
    return (output * self.value_deviation + self.value_mean).to(output.dtype)
";

/// The same for quantiles, those of a value side by side.
const QUANTILES_TO_UNITS: &str = "
def to_units(self, output: Tensor, x: Tensor) -> Tensor:
    if x.dtype == 7:
        output = output.double()
    ascending = torch.sort(output.unflatten(-1, [-1, QUANTILES]), dim=-1)[0]
    values = ascending * self.value_deviation.unsqueeze(-1) + self.value_mean.unsqueeze(-1)
    return values.flatten(-2).to(output.dtype)
";

/// `Preprocessing::to_units` for logits.
const STAYS: &str = "
def to_units(self, output: Tensor, x: Tensor) -> Tensor:
    return output
";
