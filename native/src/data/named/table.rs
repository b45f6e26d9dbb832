//! What is known of each data set. Numbers of images: CoOp's paper, table 4, and
//! the split files; folders and sources: CoOp's `DATASETS.md`; templates: CoOp's
//! `trainers/zsclip.py`.

use super::{Layout, Named};

const PHOTO: &str = "a photo of a {}.";

/// Where ImageNet's class names are from.
const NAMES: (&str, &str) = (
    "classnames.txt",
    "https://drive.google.com/file/d/1-61f_ol79pViBFDG_IDlUQSwoLcn2XXF (or copy imagenet/classnames.txt)",
);

/// All data sets that are known by name: the eleven in the order of the tables of
/// the papers, then ImageNet's variants.
pub const NAMED: &[Named] = &[
    Named {
        name: "imagenet",
        title: "ImageNet",
        also: &["ilsvrc2012"],
        folder: "imagenet",
        classes: 1000,
        images: [1_281_167, 0, 50_000],
        template: PHOTO,
        layout: Layout::ImageNet,
        sources: &[
            (
                "images/train",
                "https://image-net.org (ILSVRC2012, training images)",
            ),
            (
                "images/val",
                "https://image-net.org (ILSVRC2012, validation images, sorted into class folders)",
            ),
            NAMES,
        ],
    },
    Named {
        name: "caltech101",
        title: "Caltech101",
        also: &["caltech"],
        folder: "caltech-101",
        classes: 100,
        images: [4128, 1649, 2465],
        template: PHOTO,
        layout: Layout::SplitFile {
            images: "101_ObjectCategories",
            folders: &["101_ObjectCategories"],
            file: "split_zhou_Caltech101.json",
            renamed: &[
                ("airplanes", "airplane"),
                ("Faces", "face"),
                ("Leopards", "leopard"),
                ("Motorbikes", "motorbike"),
            ],
            left_out: &["BACKGROUND_Google", "Faces_easy"],
        },
        sources: &[
            (
                "101_ObjectCategories",
                "https://data.caltech.edu/records/mzrjq-6wc02 (caltech-101.zip)",
            ),
            (
                "split_zhou_Caltech101.json",
                "https://drive.google.com/file/d/1hyarUivQE36mY6jSomru6Fjd-JzwcCzN",
            ),
        ],
    },
    Named {
        name: "oxford_pets",
        title: "OxfordPets",
        also: &["pets"],
        folder: "oxford_pets",
        classes: 37,
        images: [2944, 736, 3669],
        template: "a photo of a {}, a type of pet.",
        layout: Layout::SplitFile {
            images: "images",
            folders: &["images"],
            file: "split_zhou_OxfordPets.json",
            renamed: &[],
            left_out: &[],
        },
        sources: &[
            (
                "images",
                "https://www.robots.ox.ac.uk/~vgg/data/pets/data/images.tar.gz",
            ),
            (
                "split_zhou_OxfordPets.json",
                "https://drive.google.com/file/d/1501r8Ber4nNKvmlFVQZ8SeUHTcdTTEqs",
            ),
        ],
    },
    Named {
        name: "stanford_cars",
        title: "StanfordCars",
        also: &["cars"],
        folder: "stanford_cars",
        classes: 196,
        images: [6509, 1635, 8041],
        template: PHOTO,
        layout: Layout::SplitFile {
            images: "",
            folders: &["cars_train", "cars_test"],
            file: "split_zhou_StanfordCars.json",
            renamed: &[],
            left_out: &[],
        },
        sources: &[
            (
                "cars_train",
                "http://ai.stanford.edu/~jkrause/car196/cars_train.tgz",
            ),
            (
                "cars_test",
                "http://ai.stanford.edu/~jkrause/car196/cars_test.tgz",
            ),
            (
                "split_zhou_StanfordCars.json",
                "https://drive.google.com/file/d/1ObCFbaAgVu0I-k_Au-gIUcefirdAuizT",
            ),
        ],
    },
    Named {
        name: "oxford_flowers",
        title: "Flowers102",
        also: &["flowers"],
        folder: "oxford_flowers",
        classes: 102,
        images: [4093, 1633, 2463],
        template: "a photo of a {}, a type of flower.",
        layout: Layout::SplitFile {
            images: "jpg",
            folders: &["jpg"],
            file: "split_zhou_OxfordFlowers.json",
            renamed: &[],
            left_out: &[],
        },
        sources: &[
            (
                "jpg",
                "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/102flowers.tgz",
            ),
            (
                "split_zhou_OxfordFlowers.json",
                "https://drive.google.com/file/d/1Pp0sRXzZFZq15zVOzKjKBu4A9i01nozT",
            ),
        ],
    },
    Named {
        name: "food101",
        title: "Food101",
        also: &["food"],
        folder: "food-101",
        classes: 101,
        images: [50_500, 20_200, 30_300],
        template: "a photo of {}, a type of food.",
        layout: Layout::SplitFile {
            images: "images",
            folders: &["images"],
            file: "split_zhou_Food101.json",
            renamed: &[],
            left_out: &[],
        },
        sources: &[
            (
                "images",
                "https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/ (food-101.tar.gz)",
            ),
            (
                "split_zhou_Food101.json",
                "https://drive.google.com/file/d/1QK0tGi096I0Ba6kggatX1ee6dJFIcEJl",
            ),
        ],
    },
    Named {
        name: "fgvc_aircraft",
        title: "FGVCAircraft",
        also: &["aircraft"],
        folder: "fgvc_aircraft",
        classes: 100,
        images: [3334, 3333, 3333],
        template: "a photo of a {}, a type of aircraft.",
        layout: Layout::Aircraft,
        sources: &[
            ("images", AIRCRAFT),
            ("variants.txt", AIRCRAFT),
            ("images_variant_train.txt", AIRCRAFT),
            ("images_variant_val.txt", AIRCRAFT),
            ("images_variant_test.txt", AIRCRAFT),
        ],
    },
    Named {
        name: "sun397",
        title: "SUN397",
        also: &["sun"],
        folder: "sun397",
        classes: 397,
        images: [15_880, 3970, 19_850],
        template: PHOTO,
        layout: Layout::SplitFile {
            images: "SUN397",
            folders: &["SUN397"],
            file: "split_zhou_SUN397.json",
            renamed: &[],
            left_out: &[],
        },
        sources: &[
            (
                "SUN397",
                "http://vision.princeton.edu/projects/2010/SUN/SUN397.tar.gz",
            ),
            (
                "split_zhou_SUN397.json",
                "https://drive.google.com/file/d/1y2RD81BYuiyvebdN-JymPfyWYcd8_MUq",
            ),
        ],
    },
    Named {
        name: "dtd",
        title: "DTD",
        also: &["describable_textures"],
        folder: "dtd",
        classes: 47,
        images: [2820, 1128, 1692],
        template: "{} texture.",
        layout: Layout::SplitFile {
            images: "images",
            folders: &["images"],
            file: "split_zhou_DescribableTextures.json",
            renamed: &[],
            left_out: &[],
        },
        sources: &[
            (
                "images",
                "https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz",
            ),
            (
                "split_zhou_DescribableTextures.json",
                "https://drive.google.com/file/d/1u3_QfB467jqHgNXC00UIzbLZRQCg2S7x",
            ),
        ],
    },
    Named {
        name: "eurosat",
        title: "EuroSAT",
        also: &[],
        folder: "eurosat",
        classes: 10,
        images: [13_500, 5400, 8100],
        template: "a centered satellite photo of {}.",
        layout: Layout::SplitFile {
            images: "2750",
            folders: &["2750"],
            file: "split_zhou_EuroSAT.json",
            renamed: &[
                ("AnnualCrop", "Annual Crop Land"),
                ("HerbaceousVegetation", "Herbaceous Vegetation Land"),
                ("Highway", "Highway or Road"),
                ("Industrial", "Industrial Buildings"),
                ("Pasture", "Pasture Land"),
                ("PermanentCrop", "Permanent Crop Land"),
                ("Residential", "Residential Buildings"),
                ("SeaLake", "Sea or Lake"),
            ],
            left_out: &[],
        },
        sources: &[
            (
                "2750",
                "http://madm.dfki.de/files/sentinel/EuroSAT.zip (or EuroSAT_RGB.zip of https://zenodo.org/records/7711810, its folder renamed)",
            ),
            (
                "split_zhou_EuroSAT.json",
                "https://drive.google.com/file/d/1Ip7yaCWFi0eaOFUGga0lUdVi_DDQth1o",
            ),
        ],
    },
    Named {
        name: "ucf101",
        title: "UCF101",
        also: &["ucf"],
        folder: "ucf101",
        classes: 101,
        images: [7639, 1898, 3783],
        template: "a photo of a person doing {}.",
        layout: Layout::SplitFile {
            images: "UCF-101-midframes",
            folders: &["UCF-101-midframes"],
            file: "split_zhou_UCF101.json",
            renamed: &[],
            left_out: &[],
        },
        sources: &[
            (
                "UCF-101-midframes",
                "https://drive.google.com/file/d/10Jqome3vtUA2keJkNanAiFpgbyC9Hc2O (UCF-101-midframes.zip)",
            ),
            (
                "split_zhou_UCF101.json",
                "https://drive.google.com/file/d/1I0S0q91hJfsV9Gf4xDIjgDq4AqBNJb1y",
            ),
        ],
    },
    Named {
        name: "imagenetv2",
        title: "ImageNetV2",
        also: &[],
        folder: "imagenetv2",
        classes: 1000,
        images: [0, 0, 10_000],
        template: PHOTO,
        layout: Layout::NumberedFolders {
            images: "imagenetv2-matched-frequency-format-val",
        },
        sources: &[
            (
                "imagenetv2-matched-frequency-format-val",
                "https://github.com/modestyachts/ImageNetV2 (imagenetv2-matched-frequency.tar.gz)",
            ),
            NAMES,
        ],
    },
    Named {
        name: "imagenet_sketch",
        title: "ImageNet-Sketch",
        also: &[],
        folder: "imagenet-sketch",
        classes: 1000,
        images: [0, 0, 50_889],
        template: PHOTO,
        layout: Layout::WordNetFolders { images: "images" },
        sources: &[
            ("images", "https://github.com/HaohanWang/ImageNet-Sketch"),
            NAMES,
        ],
    },
    Named {
        name: "imagenet_a",
        title: "ImageNet-A",
        also: &["imagenet_adversarial"],
        folder: "imagenet-adversarial",
        classes: 200,
        images: [0, 0, 7500],
        template: PHOTO,
        layout: Layout::WordNetFolders {
            images: "imagenet-a",
        },
        sources: &[
            (
                "imagenet-a",
                "https://github.com/hendrycks/natural-adv-examples (imagenet-a.tar)",
            ),
            NAMES,
        ],
    },
    Named {
        name: "imagenet_r",
        title: "ImageNet-R",
        also: &["imagenet_rendition"],
        folder: "imagenet-rendition",
        classes: 200,
        images: [0, 0, 30_000],
        template: PHOTO,
        layout: Layout::WordNetFolders {
            images: "imagenet-r",
        },
        sources: &[
            (
                "imagenet-r",
                "https://github.com/hendrycks/imagenet-r (imagenet-r.tar)",
            ),
            NAMES,
        ],
    },
];

/// One archive has all of it, in its folder `data`.
const AIRCRAFT: &str = "https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz (its folder data)";
