//! Sets of whole series from the UCR/UEA archive, as the wheel of sktime brings them along.

use crate::known::format::Format;
use crate::known::set::{KnownFile, KnownSet};
use crate::known::source::{Source, Wheel};

/// Authors and licence of all of them.
const LICENCE: &str =
    "UCR/UEA time series archive, A. Bagnall, E. Keogh et al.; distributed with sktime (BSD-3-Clause)";

/// A set called `$name`, whose files are in the folder `$folder` of the wheel.
macro_rules! set {
    ($constant:ident, $name:literal, $folder:literal, $title:literal, $train:literal $train_sum:literal, $test:literal $test_sum:literal) => {
        pub(super) const $constant: KnownSet = KnownSet {
            name: $name,
            title: $title,
            licence: LICENCE,
            class_names: &[],
            format: Format::Ts,
            files: &[
                KnownFile { name: concat!($folder, "_TRAIN.ts"), bytes: $train, sha256: $train_sum },
                KnownFile { name: concat!($folder, "_TEST.ts"), bytes: $test, sha256: $test_sum },
            ],
            sources: &[Source::Wheel(Wheel {
                project: "sktime",
                file: "sktime-1.2.0-py3-none-any.whl",
                sha256: "dbffc6731d2d683b668dceb5e2bbc5804bebc8446b4c580803a281684d90e4ae",
                bytes: 8_201_107,
                folder: concat!("sktime/datasets/data/", $folder, "/"),
            })],
        };
    };
}

set!(
    ITALY_POWER_DEMAND, "italy-power-demand", "ItalyPowerDemand",
    "days of electricity demand in summer or winter, 24 steps, 67 + 1,029",
    18_300 "341269cb7e6cef96846b30e774580beec79addb93848ba360145219115a74b7c",
    274_054 "26122451f87dd0387ef90b18bc8a86c041371b8a1c068004922b939971247144"
);
set!(
    JAPANESE_VOWELS, "japanese-vowels", "JapaneseVowels",
    "two vowels of nine speakers, 12 numbers per step, 7 to 29 steps, 270 + 370",
    487_971 "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
    649_132 "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462"
);
set!(
    BASIC_MOTIONS, "basic-motions", "BasicMotions",
    "four motions seen by a watch, 6 numbers per step, 100 steps, 40 + 40",
    227_790 "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6",
    227_713 "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc"
);
set!(
    ARROW_HEAD, "arrow-head", "ArrowHead",
    "outlines of arrowheads of three kinds, 251 steps, 36 + 175",
    100_357 "a83c470aaf611a5f5284377cce27a5fc9f6292bc3d110257b0fd4905ced5ee72",
    484_894 "5417dab42626d41df5e435bb22458c2df40dfad4bcd3b59559bbe72e20e84904"
);
set!(
    GUN_POINT, "gun-point", "GunPoint",
    "movements of a hand with a gun or without, 150 steps, 50 + 150",
    84_188 "f842401779fd9800d247d8b33121a1a4643710a19b24917dbdd9a060ca8630d5",
    252_305 "79332750788a6227b325b96bd0d70130c8eb707b9731f8d7dec62b7a7d36017e"
);
set!(
    OSU_LEAF, "osu-leaf", "OSULeaf",
    "outlines of leaves of six kinds, 427 steps, 200 + 242",
    953_148 "86b9d6e860414ffd26cebc62fff84ffb37fa588ef3e5bf79e4094a437c36ddfc",
    1_152_821 "6c549dd354f9e42d5985fa5fab75321ca9acefc7873457e71467fc8a31f107ce"
);
set!(
    ACSF1, "acsf1", "ACSF1",
    "power of ten kinds of home appliances, 1,460 steps, 100 + 100",
    1_658_422 "0646b90dc4843e02baed6b2ba345c5601a4991b6796565489cef1b2d92a7537b",
    1_659_932 "93e8aaeb44a10af181d24a156e60da7021193cd990ca28f263fccf3b905bfebf"
);
set!(
    PLAID, "plaid", "PLAID",
    "current of eleven kinds of appliances, unequal lengths, 537 + 537",
    1_491_100 "40deb3bc6bd1e1aa0e6db6e6bfd3cecc4a23bf57f6a6d6ab90fb75e4a2c72344",
    1_503_139 "aa6da0dc1461e8d374e068a940ce37d1b0bb1a9844596d818920c8af696d656d"
);
