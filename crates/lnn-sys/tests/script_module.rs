//! TorchScript modules that are built, saved and loaded again.

use lnn_sys::{Error, ScriptAttribute, ScriptModule};
use tch::{CModule, Device, IValue, Kind, Tensor};

const LINE: &str = "
def forward(self, x: Tensor) -> Tensor:
    return x * self.weight * self.scale + self.offset
";
const SUM: &str = "
def forward(self, x: Tensor, times: Optional[int] = None) -> Tensor:
    for _ in range(1 if times is None else times):
        x = self.line.forward(x)
    return x
";

fn example() -> ScriptModule {
    let mut root = ScriptModule::new("__torch__.example.Sum").unwrap();
    let mut line = root.child("line", "__torch__.example.Line").unwrap();
    let value = |value: f64| Tensor::full([2], value, (Kind::Float, Device::Cpu));
    line.register_parameter("weight", &value(3.0), true).unwrap();
    line.register_buffer("offset", &value(1.0)).unwrap();
    line.register_attribute("scale", ScriptAttribute::Float(2.0)).unwrap();
    line.define(LINE).unwrap();
    root.register_text("about", "an example, größer").unwrap();
    root.define(SUM).unwrap();
    root
}

#[test]
fn a_module_runs_after_it_was_saved_and_loaded_with_optional_arguments_and_loops() {
    let bytes = example().save(("about.json", "{}")).unwrap();
    let module = CModule::load_data(&mut bytes.as_slice()).unwrap();
    let x = Tensor::from_slice(&[1.0f32, 2.0]);
    let once = module.forward_ts(&[&x]).unwrap();
    assert_eq!(Vec::<f32>::try_from(&once).unwrap(), [7.0, 13.0]);
    let IValue::Tensor(twice) = module.forward_is(&[IValue::Tensor(x), IValue::Int(2)]).unwrap() else {
        panic!("expected a tensor")
    };
    assert_eq!(Vec::<f32>::try_from(&twice).unwrap(), [43.0, 79.0]);
}

#[test]
fn tensors_come_back_under_their_names_with_their_roles_and_so_do_texts() {
    let bytes = example().save(("about.json", "{\"a\": 1}")).unwrap();
    let (module, extra) = ScriptModule::load(&bytes, "about.json").unwrap();
    assert_eq!(extra.as_deref(), Some(b"{\"a\": 1}".as_slice()));
    assert_eq!(ScriptModule::load(&bytes, "other.json").unwrap().1, None);
    assert_eq!(module.text("about").unwrap().as_deref(), Some("an example, größer"));
    assert_eq!(module.text("nothing").unwrap(), None);
    let tensors = module.tensors().unwrap();
    let roles: Vec<_> = tensors.iter().map(|t| (t.name.as_str(), t.parameter)).collect();
    assert_eq!(roles, [("line.weight", true), ("line.offset", false)]);
    assert!(tensors[0].tensor.requires_grad() && !tensors[1].tensor.requires_grad());
}

#[test]
fn two_parts_may_have_the_same_class_name() {
    let mut root = ScriptModule::new("__torch__.example.Pair").unwrap();
    for name in ["first", "second"] {
        let mut part = root.child(name, "__torch__.example.Part").unwrap();
        part.register_buffer(name, &Tensor::from(1.0f32)).unwrap();
        part.define(&format!("def forward(self, x: Tensor) -> Tensor:\n    return x + self.{name}\n"))
            .unwrap();
    }
    root.define(
        "def forward(self, x: Tensor) -> Tensor:\n    return self.first.forward(self.second.forward(x))\n",
    )
    .unwrap();
    let module = CModule::load_data(&mut root.save(("x", "")).unwrap().as_slice()).unwrap();
    assert_eq!(module.forward_ts(&[Tensor::from(1.0f32)]).unwrap(), Tensor::from(3.0f32));
}

#[test]
fn what_is_wrong_is_an_error_and_never_a_crash() {
    let text = |result: Result<(), Error>| result.unwrap_err().to_string();
    let mut root = example();
    let bytes = root.save(("x", "")).unwrap();
    for broken in [&b""[..], b"PK\x03\x04", &bytes[..bytes.len() / 2]] {
        assert!(matches!(ScriptModule::load(broken, "x"), Err(Error::Torch(_))));
    }
    assert!(text(root.register_buffer("a.b", &Tensor::from(1.0))).contains("`a.b`"));
    assert!(text(root.register_text("about", "again")).contains("`about` already"));
    assert!(text(root.define("def f(self):\n    return self.nothing\n")).contains("nothing"));
    assert!(text(root.define("def f(self)")).contains("libtorch"));
    assert!(text(root.define("\0")).contains("NUL"));
    assert!(text(root.register_parameter("n", &Tensor::from(1i64), true)).contains("floating point"));
    assert!(text(ScriptModule::new("").map(drop)).contains("found ``"));
    assert!(root.child("line", "Line").unwrap_err().to_string().contains("`line` already"));
}
