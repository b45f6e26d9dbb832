//! Which functions and classes a file may name, and which it may call.
//!
//! Nothing is called in either case. But a file that would have run code
//! elsewhere is refused: the rest of it deserves no trust either.

/// Modules that no file of weights has a reason to name.
const REFUSED: [&str; 5] = ["nt", "os", "posix", "subprocess", "sys"];

/// What Python itself builds data with.
const BUILTINS: [&str; 18] = [
    "bool",
    "bytearray",
    "bytes",
    "complex",
    "dict",
    "float",
    "frozenset",
    "int",
    "list",
    "long",
    "object",
    "range",
    "set",
    "slice",
    "str",
    "tuple",
    "unicode",
    "xrange",
];

/// Functions and classes of other modules that only build data.
const BUILDERS: [(&str, &[&str]); 14] = [
    ("_codecs", &["encode"]),
    ("argparse", &["Namespace"]),
    (
        "collections",
        &["ChainMap", "Counter", "OrderedDict", "defaultdict", "deque"],
    ),
    ("copy_reg", &["_reconstructor"]),
    ("copyreg", &["_reconstructor"]),
    (
        "datetime",
        &["date", "datetime", "time", "timedelta", "timezone"],
    ),
    ("decimal", &["Decimal"]),
    ("fractions", &["Fraction"]),
    (
        "pathlib",
        &[
            "Path",
            "PosixPath",
            "PurePosixPath",
            "PureWindowsPath",
            "WindowsPath",
        ],
    ),
    ("torch", &["device"]),
    ("torch._tensor", &["_rebuild_from_type_v2"]),
    ("torch.serialization", &["_get_layout"]),
    ("torch.storage", &["_load_from_bytes"]),
    ("uuid", &["UUID"]),
];

/// Whether a file may name `module.name` at all.
pub(super) fn may_be_named(module: &str, name: &str) -> bool {
    match module {
        "builtins" | "__builtin__" => {
            BUILTINS.contains(&name) || name.ends_with("Error") || name == "NoneType"
        }
        _ => !REFUSED.contains(&first(module)),
    }
}

/// Whether a file may ask for `module.name` to be called.
pub(super) fn may_be_called(module: &str, name: &str) -> bool {
    if let "builtins" | "__builtin__" = module {
        return BUILTINS.contains(&name);
    }
    if BUILDERS
        .iter()
        .any(|(builder, names)| *builder == module && names.contains(&name))
    {
        return true;
    }
    let is_class = name.starts_with(|c: char| c.is_ascii_uppercase());
    match first(module) {
        // The classes of an archive's own code, which is never read.
        "__torch__" => true,
        "torch" => {
            is_class
                || (module == "torch._utils" && name.starts_with("_rebuild_"))
                || (module == "torch.jit._pickle"
                    && (name.starts_with("build_") || name == "restore_type_tag"))
        }
        "numpy" => {
            is_class
                || matches!(
                    name,
                    "dtype" | "ndarray" | "scalar" | "_reconstruct" | "_frombuffer"
                )
                || (module == "numpy.random._pickle" && name.starts_with("__"))
        }
        _ => false,
    }
}

fn first(module: &str) -> &str {
    module.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{may_be_called, may_be_named};

    #[test]
    fn only_what_builds_data_is_called() {
        for (module, name) in [
            ("collections", "OrderedDict"),
            ("torch._utils", "_rebuild_tensor_v2"),
            ("torch", "Size"),
            ("torch", "HalfStorage"),
            ("torch.jit._pickle", "build_intlist"),
            ("__torch__.clip.model", "VisionTransformer"),
            ("numpy._core.multiarray", "scalar"),
            ("numpy", "dtype"),
            ("__builtin__", "set"),
        ] {
            assert!(may_be_called(module, name), "{module}.{name}");
            assert!(may_be_named(module, name), "{module}.{name}");
        }
        for (module, name) in [
            ("torch.hub", "load"),
            ("torch", "load"),
            ("torch.utils.cpp_extension", "load"),
            ("numpy.testing._private.utils", "runstring"),
            ("numpy", "load"),
            ("timeit", "timeit"),
            ("importlib", "import_module"),
            ("functools", "partial"),
            ("operator", "attrgetter"),
            ("my_module", "MyClass"),
            ("torches", "Tensor"),
        ] {
            assert!(!may_be_called(module, name), "{module}.{name}");
            assert!(may_be_named(module, name), "{module}.{name}");
        }
        for (module, name) in [
            ("os", "system"),
            ("os.path", "join"),
            ("posix", "system"),
            ("subprocess", "Popen"),
            ("builtins", "eval"),
            ("__builtin__", "getattr"),
        ] {
            assert!(!may_be_named(module, name), "{module}.{name}");
            assert!(!may_be_called(module, name), "{module}.{name}");
        }
    }
}
