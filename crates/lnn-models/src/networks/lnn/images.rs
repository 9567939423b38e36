//! The LNN of images.

use crate::error::Error;
use crate::networks::lnn::config::{LnnConfig, refuse};
use crate::networks::lnn::stack::Stack;
use crate::networks::network::Network;
use crate::output::{Mode, Output};
use crate::parts::reading_order::{NEIGHBOURS_SCRIPT, Scan, with_neighbours};
use crate::parts::readout::Readout;
use crate::parts::summary::Summary;
use lnn_core::{Input, InputSpec, Scope, Script, Sequence};
use lnn_sys::ScriptAttribute;
use tch::Tensor;

/// The network of an LNN.
#[derive(Debug)]
pub(crate) struct Lnn {
    /// The readings with their reservoirs.
    reservoirs: Vec<(Scan, Stack)>,
    readout: Readout,
    window: i64,
    stretches: i64,
    summary: Summary,
}

impl Lnn {
    /// A network for images `[C, H, W]`; the configuration was checked by itself.
    ///
    /// # Errors
    /// [`Error::Config`] or [`Error::Core`] if a value is out of its range or does not fit the image.
    pub(super) fn new(
        scope: &mut Scope<'_>,
        config: &LnnConfig,
        (image, input): ([i64; 3], &InputSpec),
    ) -> Result<Self, Error> {
        if config.washout != 0 || config.readout_input {
            return refuse(
                "washout and readout_input are for series, found images; hint: leave them at 0 and false"
                    .into(),
            );
        }
        let mut reservoirs = Vec::with_capacity(config.scans.len());
        for (i, &scan) in config.scans.iter().enumerate() {
            let [steps, inputs] = scan.check(image, "lnn")?;
            if config.stretches < 1 || config.stretches > steps {
                let found = config.stretches;
                return refuse(format!(
                    "stretches must be 1 to {steps}, the steps of {scan:?}, found {found}"
                ));
            }
            let (name, inputs) = (format!("reservoir{i}"), inputs * config.window);
            reservoirs.push((scan, Stack::new(scope, &name, inputs, (&config.reservoir, config.layers))?));
        }
        let states = reservoirs.iter().map(|(_, stack)| stack.units()).sum::<i64>();
        let features = states * config.stretches;
        let readout = Readout::new(&mut scope.child("readout"), features, input, config.standardize)?;
        let (window, stretches, summary) = (config.window, config.stretches, config.summary);
        Ok(Self { reservoirs, readout, window, stretches, summary })
    }
}

impl Network for Lnn {
    fn front(&self, input: Input) -> Result<Input, Error> {
        let x = &input.x;
        // Nothing before the readout is trainable, therefore no gradients are needed.
        tch::no_grad(|| {
            let mut features = Vec::with_capacity(self.reservoirs.len());
            for (scan, stack) in &self.reservoirs {
                let sequence = with_neighbours(&scan.apply(x), self.window);
                let (states, _) = stack.scan(Sequence::new(&sequence), None)?;
                features.extend(self.summary.of_stretches(&states, self.stretches));
            }
            Ok(Input::new(Tensor::cat(&features, 1)))
        })
    }

    fn head(&self, features: &Input, _mode: Mode) -> Result<Output, Error> {
        Ok(Output::new(self.readout.forward(&features.x)))
    }

    fn readout(&self) -> Option<&Readout> {
        Some(&self.readout)
    }

    fn script(&self) -> Script {
        let features = self.reservoirs.iter().map(|(scan, stack)| {
            let read = format!("self.with_neighbours({})", scan.script());
            stack.states_script(&read) + "    features.append(self.summarize(torch.cat(states, 2)))\n"
        });
        let forward = SCRIPT.replace("    FEATURES\n", &features.collect::<String>());
        let source = forward + NEIGHBOURS_SCRIPT + &self.summary.script();
        let script = Script::new("Lnn", source)
            .attribute("window", ScriptAttribute::Int(self.window))
            .attribute("stretches", ScriptAttribute::Int(self.stretches));
        let script = self.reservoirs.iter().fold(script, |script, (_, stack)| stack.add_to(script));
        script.part("readout", self.readout.script())
    }
}

/// [`Network::front`] and [`Network::head`] in TorchScript; `FEATURES` stands for the features of each reservoir.
const SCRIPT: &str = "
def forward(self, images: Tensor) -> Tensor:
    x = self.preprocessing.forward(images, self.readout.weight.dtype)
    features = []
    FEATURES
    return self.preprocessing.to_units(self.readout.forward(torch.cat(features, 1)), images)
";
