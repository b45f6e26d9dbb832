//! Every named data set, laid out small.

use std::path::Path;

use super::{write, write_images};

/// A data set as it lies on disk, and what must be read of it.
pub struct Layout {
    pub name: &'static str,
    pub folder: &'static str,
    pub images: &'static [&'static str],
    pub texts: &'static [(&'static str, &'static str)],
    /// What it cannot do without, and a part of where that is from.
    pub needed: &'static [(&'static str, &'static str)],
    pub classes: &'static [&'static str],
    pub counts: [usize; 3],
    pub template: &'static str,
}

impl Layout {
    /// Writes it into its folder below `root`.
    pub fn write(&self, root: &Path) {
        let folder = root.join(self.folder);
        write_images(&folder, self.images);
        for (path, text) in self.texts {
            write(&folder, path, text);
        }
    }
}

const PHOTO: &str = "a photo of a {}.";
const NAMES: &str = "n01440764 tench\nn01443537 goldfish\nn01498041 stingray\n";

pub const LAYOUTS: [Layout; 15] = [
    Layout {
        name: "imagenet",
        folder: "imagenet",
        images: &[
            "images/train/n01440764/n01440764_2.JPEG",
            "images/train/n01440764/n01440764_10.JPEG",
            "images/train/n01443537/n01443537_1.JPEG",
            "images/val/n01440764/ILSVRC2012_val_00000293.JPEG",
            "images/val/n01443537/ILSVRC2012_val_00000236.JPEG",
        ],
        texts: &[("classnames.txt", NAMES), ("images/val/.hidden", "")],
        needed: &[
            ("images/val", "image-net.org"),
            ("classnames.txt", "drive.google.com"),
        ],
        classes: &["tench", "goldfish"],
        counts: [3, 0, 2],
        template: PHOTO,
    },
    Layout {
        name: "caltech101",
        folder: "caltech-101",
        images: &[
            "101_ObjectCategories/Faces/image_0001.jpg",
            "101_ObjectCategories/Leopards/image_0001.jpg",
            "101_ObjectCategories/BACKGROUND_Google/image_0001.jpg",
        ],
        texts: &[(
            "split_zhou_Caltech101.json",
            r#"{"train": [["Faces/image_0001.jpg", 0, "face"]], "val": [],
                "test": [["Leopards/image_0001.jpg", 1, "Leopards"]]}"#,
        )],
        needed: &[
            ("101_ObjectCategories", "data.caltech.edu"),
            ("split_zhou_Caltech101.json", "drive.google.com"),
        ],
        classes: &["face", "leopard"],
        counts: [1, 0, 1],
        template: PHOTO,
    },
    Layout {
        name: "oxford_pets",
        folder: "oxford_pets",
        images: &["images/american_bulldog_1.jpg", "images/Abyssinian_1.jpg"],
        texts: &[(
            "split_zhou_OxfordPets.json",
            r#"{"train": [["american_bulldog_1.jpg", 1, "american_bulldog"]],
                "val": [["Abyssinian_1.jpg", 0, "abyssinian"]], "test": []}"#,
        )],
        needed: &[
            ("images", "images.tar.gz"),
            ("split_zhou_OxfordPets.json", "drive.google.com"),
        ],
        classes: &["abyssinian", "american bulldog"],
        counts: [1, 1, 0],
        template: "a photo of a {}, a type of pet.",
    },
    Layout {
        name: "stanford_cars",
        folder: "stanford_cars",
        images: &["cars_train/00001.jpg", "cars_test/00001.jpg"],
        texts: &[(
            "split_zhou_StanfordCars.json",
            r#"{"train": [["cars_train/00001.jpg", 1, "2012 Acura RL Sedan"]], "val": [],
                "test": [["cars_test/00001.jpg", 0, "2000 AM General Hummer SUV"]]}"#,
        )],
        needed: &[
            ("cars_train", "cars_train.tgz"),
            ("cars_test", "cars_test.tgz"),
            ("split_zhou_StanfordCars.json", "drive.google.com"),
        ],
        classes: &["2000 AM General Hummer SUV", "2012 Acura RL Sedan"],
        counts: [1, 0, 1],
        template: PHOTO,
    },
    Layout {
        name: "oxford_flowers",
        folder: "oxford_flowers",
        images: &["jpg/image_00001.jpg", "jpg/image_00002.jpg"],
        texts: &[(
            "split_zhou_OxfordFlowers.json",
            r#"{"train": [["image_00002.jpg", 1, "tiger lily"]], "val": [],
                "test": [["image_00001.jpg", 0, "pink primrose"]]}"#,
        )],
        needed: &[
            ("jpg", "102flowers.tgz"),
            ("split_zhou_OxfordFlowers.json", "drive.google.com"),
        ],
        classes: &["pink primrose", "tiger lily"],
        counts: [1, 0, 1],
        template: "a photo of a {}, a type of flower.",
    },
    Layout {
        name: "food101",
        folder: "food-101",
        images: &["images/apple_pie/1.jpg", "images/baklava/2.jpg"],
        texts: &[(
            "split_zhou_Food101.json",
            r#"{"train": [["apple_pie/1.jpg", 0, "apple_pie"]], "val": [],
                "test": [["baklava/2.jpg", 1, "baklava"]]}"#,
        )],
        needed: &[
            ("images", "food-101.tar.gz"),
            ("split_zhou_Food101.json", "drive.google.com"),
        ],
        classes: &["apple pie", "baklava"],
        counts: [1, 0, 1],
        template: "a photo of {}, a type of food.",
    },
    Layout {
        name: "fgvc_aircraft",
        folder: "fgvc_aircraft",
        images: &[
            "images/0056978.jpg",
            "images/1025794.jpg",
            "images/0034309.jpg",
        ],
        texts: &[
            ("variants.txt", "707-320\nF-16A/B\nGulfstream IV\n"),
            ("images_variant_train.txt", "1025794 Gulfstream IV\n"),
            ("images_variant_val.txt", "0056978 707-320\n"),
            ("images_variant_test.txt", "0034309 F-16A/B\r\n"),
        ],
        needed: &[
            ("images", "fgvc-aircraft-2013b"),
            ("variants.txt", "fgvc-aircraft-2013b"),
            ("images_variant_train.txt", "fgvc-aircraft-2013b"),
            ("images_variant_val.txt", "fgvc-aircraft-2013b"),
            ("images_variant_test.txt", "fgvc-aircraft-2013b"),
        ],
        classes: &["707-320", "F-16A/B", "Gulfstream IV"],
        counts: [1, 1, 1],
        template: "a photo of a {}, a type of aircraft.",
    },
    Layout {
        name: "sun397",
        folder: "sun397",
        images: &[
            "SUN397/a/abbey/sun_1.jpg",
            "SUN397/l/library/outdoor/sun_2.jpg",
        ],
        texts: &[(
            "split_zhou_SUN397.json",
            r#"{"train": [["a/abbey/sun_1.jpg", 0, "abbey"]], "val": [],
                "test": [["l/library/outdoor/sun_2.jpg", 1, "outdoor library"]]}"#,
        )],
        needed: &[
            ("SUN397", "SUN397.tar.gz"),
            ("split_zhou_SUN397.json", "drive.google.com"),
        ],
        classes: &["abbey", "outdoor library"],
        counts: [1, 0, 1],
        template: PHOTO,
    },
    Layout {
        name: "dtd",
        folder: "dtd",
        images: &[
            "images/banded/banded_0001.jpg",
            "images/polka-dotted/polka-dotted_0001.jpg",
        ],
        texts: &[(
            "split_zhou_DescribableTextures.json",
            r#"{"train": [["banded/banded_0001.jpg", 0, "banded"]], "val": [],
                "test": [["polka-dotted/polka-dotted_0001.jpg", 1, "polka-dotted"]]}"#,
        )],
        needed: &[
            ("images", "dtd-r1.0.1.tar.gz"),
            ("split_zhou_DescribableTextures.json", "drive.google.com"),
        ],
        classes: &["banded", "polka-dotted"],
        counts: [1, 0, 1],
        template: "{} texture.",
    },
    Layout {
        name: "eurosat",
        folder: "eurosat",
        images: &[
            "2750/AnnualCrop/AnnualCrop_1.jpg",
            "2750/Forest/Forest_1.jpg",
            "2750/HerbaceousVegetation/HerbaceousVegetation_1.jpg",
            "2750/Highway/Highway_1.jpg",
            "2750/Industrial/Industrial_1.jpg",
            "2750/Pasture/Pasture_1.jpg",
            "2750/PermanentCrop/PermanentCrop_1.jpg",
            "2750/Residential/Residential_1.jpg",
            "2750/River/River_1.jpg",
            "2750/SeaLake/SeaLake_1.jpg",
        ],
        // The names of the folders, which CoOp replaces.
        texts: &[(
            "split_zhou_EuroSAT.json",
            r#"{"train": [["AnnualCrop/AnnualCrop_1.jpg", 0, "AnnualCrop"],
                          ["Forest/Forest_1.jpg", 1, "Forest"],
                          ["HerbaceousVegetation/HerbaceousVegetation_1.jpg", 2, "HerbaceousVegetation"],
                          ["Highway/Highway_1.jpg", 3, "Highway"],
                          ["Industrial/Industrial_1.jpg", 4, "Industrial"],
                          ["Pasture/Pasture_1.jpg", 5, "Pasture"],
                          ["PermanentCrop/PermanentCrop_1.jpg", 6, "PermanentCrop"],
                          ["Residential/Residential_1.jpg", 7, "Residential"],
                          ["River/River_1.jpg", 8, "River"],
                          ["SeaLake/SeaLake_1.jpg", 9, "SeaLake"]]}"#,
        )],
        needed: &[
            ("2750", "EuroSAT.zip"),
            ("split_zhou_EuroSAT.json", "drive.google.com"),
        ],
        classes: &[
            "Annual Crop Land",
            "Forest",
            "Herbaceous Vegetation Land",
            "Highway or Road",
            "Industrial Buildings",
            "Pasture Land",
            "Permanent Crop Land",
            "Residential Buildings",
            "River",
            "Sea or Lake",
        ],
        counts: [10, 0, 0],
        template: "a centered satellite photo of {}.",
    },
    Layout {
        name: "ucf101",
        folder: "ucf101",
        images: &[
            "UCF-101-midframes/Apply_Eye_Makeup/v_ApplyEyeMakeup_g01_c01.jpg",
            "UCF-101-midframes/Yo_Yo/v_YoYo_g01_c01.jpg",
        ],
        texts: &[(
            "split_zhou_UCF101.json",
            r#"{"train": [["Apply_Eye_Makeup/v_ApplyEyeMakeup_g01_c01.jpg", 0, "Apply_Eye_Makeup"]],
                "val": [], "test": [["Yo_Yo/v_YoYo_g01_c01.jpg", 1, "Yo_Yo"]]}"#,
        )],
        needed: &[
            ("UCF-101-midframes", "UCF-101-midframes.zip"),
            ("split_zhou_UCF101.json", "drive.google.com"),
        ],
        classes: &["Apply Eye Makeup", "Yo Yo"],
        counts: [1, 0, 1],
        template: "a photo of a person doing {}.",
    },
    Layout {
        name: "imagenetv2",
        folder: "imagenetv2",
        images: &[
            "imagenetv2-matched-frequency-format-val/0/a.jpeg",
            "imagenetv2-matched-frequency-format-val/1/a.jpeg",
            "imagenetv2-matched-frequency-format-val/2/a.jpeg",
            "imagenetv2-matched-frequency-format-val/2/b.jpeg",
        ],
        texts: &[("classnames.txt", NAMES)],
        needed: &[
            (
                "imagenetv2-matched-frequency-format-val",
                "modestyachts/ImageNetV2",
            ),
            ("classnames.txt", "drive.google.com"),
        ],
        classes: &["tench", "goldfish", "stingray"],
        counts: [0, 0, 4],
        template: PHOTO,
    },
    Layout {
        name: "imagenet_sketch",
        folder: "imagenet-sketch",
        images: &[
            "images/n01440764/sketch_1.JPEG",
            "images/n01443537/sketch_2.JPEG",
        ],
        texts: &[("classnames.txt", NAMES)],
        needed: &[
            ("images", "HaohanWang/ImageNet-Sketch"),
            ("classnames.txt", "drive.google.com"),
        ],
        classes: &["tench", "goldfish"],
        counts: [0, 0, 2],
        template: PHOTO,
    },
    Layout {
        name: "imagenet_a",
        folder: "imagenet-adversarial",
        images: &["imagenet-a/n01498041/0.jpg", "imagenet-a/n01440764/1.jpg"],
        texts: &[("classnames.txt", NAMES), ("imagenet-a/README.txt", "")],
        needed: &[
            ("imagenet-a", "natural-adv-examples"),
            ("classnames.txt", "drive.google.com"),
        ],
        classes: &["tench", "stingray"],
        counts: [0, 0, 2],
        template: PHOTO,
    },
    Layout {
        name: "imagenet_r",
        folder: "imagenet-rendition",
        images: &[
            "imagenet-r/n01443537/art_0.jpg",
            "imagenet-r/n01498041/toy_1.jpg",
        ],
        texts: &[("classnames.txt", NAMES), ("imagenet-r/README.txt", "")],
        needed: &[
            ("imagenet-r", "hendrycks/imagenet-r"),
            ("classnames.txt", "drive.google.com"),
        ],
        classes: &["goldfish", "stingray"],
        counts: [0, 0, 2],
        template: PHOTO,
    },
];
