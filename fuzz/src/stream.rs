//! The target of the lines of a stream.

use lnn_core::{InputSpec, Missing, Timing};
use lnn_data::{StreamReader, Trained};

/// Reads the bytes as lines for models that were trained with and without a time, series, missing values and classes.
pub(crate) fn lines(bytes: &[u8]) {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let plain = InputSpec::sequences(names(&["a", "b"]), names(&["c"]));
    let timed = InputSpec { timing: Some(Timing { unit: 1.0, typical_dt: 1.0 }), ..plain.clone() };
    let gaps = InputSpec { missing: Missing::Mask, ..timed.clone() };
    let trained = [
        ("csv:x.csv,target=c,window=2", &plain),
        ("csv:x.csv,target=c,window=2,time=t,id=d,missing=previous,decimal=comma", &timed),
        ("npz:x.npz", &gaps),
    ];
    for (data, input) in trained {
        let trained = Trained { data, input, known: None };
        let Ok(mut reader) = StreamReader::new(&trained) else { continue };
        reader.read_targets();
        for line in String::from_utf8_lossy(bytes).split('\n') {
            if reader.read(line).is_err_and(|error| error.ends_the_stream()) {
                break;
            }
        }
    }
}
