//! Statements about the system's C headers, and the C compiler as their judge: each is a `_Static_assert`, and nothing is
//! run. Also for 32-bit clients, without a 32-bit C library: the C library's headers want one empty file more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// For whom the headers are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// This machine's own programs.
    Native,
    /// i386, 32-bit time.
    T32,
    /// i386, 64-bit time.
    T64,
    /// 32-bit pointers, but 64-bit members aligned to 8.
    X32,
}

impl Client {
    fn options(self) -> &'static [&'static str] {
        match self {
            Client::Native => &[],
            Client::T32 => &["-m32"],
            Client::T64 => &["-m32", "-D_TIME_BITS=64", "-D_FILE_OFFSET_BITS=64"],
            Client::X32 => &["-mx32"],
        }
    }
}

/// A C file under construction.
pub(crate) struct Checks {
    client: Client,
    text: String,
}

impl Checks {
    pub(crate) fn new(client: Client) -> Checks {
        let text = "#include <stddef.h>\n#include <linux/ioctl.h>\n#include <sound/asound.h>\n#include <sound/tlv.h>\n#include <linux/fuse.h>\n";
        Checks {
            client,
            text: text.to_owned(),
        }
    }

    /// A line of C.
    pub(crate) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A condition that must hold.
    pub(crate) fn holds(&mut self, condition: &str) {
        self.line(&format!("_Static_assert({condition}, \"{condition}\");"));
    }

    /// A condition that must hold where `guard` does.
    pub(crate) fn holds_if(&mut self, guard: &str, condition: &str) {
        self.line(&format!("#if {guard}"));
        self.holds(condition);
        self.line("#endif");
    }

    /// Size and alignment of a structure. i386 aligns 64-bit members to 4, so there ours may be stricter.
    pub(crate) fn whole(&mut self, c_type: &str, size: usize, align: usize) {
        self.holds(&format!("sizeof({c_type}) == {size}"));
        let relation = if self.client == Client::Native {
            "=="
        } else {
            "<="
        };
        self.holds(&format!("_Alignof({c_type}) {relation} {align}"));
    }

    /// Offset and size of a member.
    pub(crate) fn member(&mut self, c_type: &str, member: &str, offset: usize, size: usize) {
        self.holds(&format!("offsetof({c_type}, {member}) == {offset}"));
        self.holds(&format!("sizeof((({c_type} *)0)->{member}) == {size}"));
    }

    /// The value of a constant.
    pub(crate) fn constant(&mut self, name: &str, value: i128) {
        self.holds(&format!("(long long)({name}) == {value}LL"));
    }

    /// The value of a macro that older headers lack.
    pub(crate) fn constant_if_defined(&mut self, name: &str, value: i128) {
        self.line(&format!("#ifdef {name}"));
        self.constant(name, value);
        self.line("#endif");
    }

    /// Whether the compiler agrees with everything; if not, what it says.
    pub(crate) fn judge(&self) -> Result<(), String> {
        let folder = Folder::new();
        compile(&folder.0, &[], "#include <sound/asound.h>\n#include <linux/fuse.h>\n").map_err(|error| {
            format!("This test needs a C compiler and the kernel's headers (Debian: gcc, libc6-dev, linux-libc-dev):\n{error}")
        })?;
        compile(&folder.0, self.client.options(), &self.text).map_err(|error| {
            format!(
                "The system's headers say otherwise ({:?}):\n{error}",
                self.client
            )
        })
    }

    /// Fails the test if the compiler disagrees.
    pub(crate) fn assert(&self) {
        if let Err(error) = self.judge() {
            panic!("{error}");
        }
    }
}

fn compile(folder: &Path, options: &[&str], text: &str) -> Result<(), String> {
    let source = folder.join("checks.c");
    fs::write(&source, text).map_err(|error| format!("{}: {error}", source.display()))?;
    let output = Command::new("cc")
        .args(["-std=gnu11", "-fsyntax-only", "-I"])
        .arg(folder)
        .args(["-idirafter", "/usr/include/x86_64-linux-gnu"])
        .args(options)
        .arg(&source)
        .output()
        .map_err(|error| format!("Cannot run cc: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A folder that goes away with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "layout-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = Folder(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        fs::create_dir_all(folder.0.join("gnu")).expect("a temporary folder");
        for stub in ["gnu/stubs-32.h", "gnu/stubs-x32.h"] {
            fs::write(folder.0.join(stub), "").expect("a temporary file");
        }
        folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Size of what a member accessor gives.
pub(crate) fn field_size<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// Checks a structure: `layout! { checks, "struct c", rust::Type { member, member = "c.name" } holes { padding } }`.
///
/// Every member of the Rust structure must be named (else it does not compile), and there is no padding beside them (the
/// `IntoBytes` bound), so the members found in the C structure and the holes are all there is.
macro_rules! layout {
    ($checks:expr, $c:literal, $rust:ty { $($field:ident $(= $name:literal)?),* $(,)? } $(holes { $($hole:ident),* })?) => {{
        type Subject = $rust;
        fn complete<T: zerocopy::IntoBytes>(_: fn(&T)) {}
        complete::<Subject>(|it| { let Subject { $($field: _,)* $($($hole: _,)*)? } = it; });
        let checks: &mut $crate::compiler::Checks = &mut $checks;
        checks.whole($c, size_of::<Subject>(), align_of::<Subject>());
        $(
            checks.member(
                $c,
                $crate::compiler::name!($field $($name)?),
                std::mem::offset_of!(Subject, $field),
                $crate::compiler::field_size(|it: &Subject| &it.$field),
            );
        )*
    }};
}

/// A member's name in C.
macro_rules! name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $name:literal) => {
        $name
    };
}

/// Checks constants: `constants! { checks, "PREFIX_", rust::module, [A, B], newer [C] }`.
macro_rules! constants {
    ($checks:expr, $prefix:literal, $($module:ident)::+, [$($name:ident $(= $c:literal)?),* $(,)?] $(, newer [$($newer:ident),*])?) => {{
        use $($module)::+ as subject;
        let checks: &mut $crate::compiler::Checks = &mut $checks;
        $(checks.constant(
            &format!("{}{}", $prefix, $crate::compiler::name!($name $($c)?)),
            i128::from(subject::$name),
        );)*
        $($(checks.constant_if_defined(&format!("{}{}", $prefix, stringify!($newer)), i128::from(subject::$newer));)*)?
    }};
}

pub(crate) use {constants, layout, name};
