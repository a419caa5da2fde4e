//! Clients written in C, which a compiler makes: there is none in the virtual machine, so this machine makes them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::program;
use crate::place::place;

/// A client of `tests/clients`.
#[derive(Clone, Copy, Debug)]
pub struct CClient {
    /// Its name once made.
    pub name: &'static str,
    source: &'static str,
    options: &'static [&'static [&'static str]],
}

const WITH_LIBRARY: &[&str] = &["-static", "-Wextra"];
/// 32 bits without a C library, and therefore without a 32-bit one.
const FREESTANDING_32: &[&str] = &[
    "-m32",
    "-nostdlib",
    "-static",
    "-ffreestanding",
    "-fno-pie",
    "-no-pie",
    "-fno-stack-protector",
    "-fno-tree-loop-distribute-patterns",
    "-idirafter",
    "/usr/include/x86_64-linux-gnu",
];
const TIME_64: &[&str] = &["-D_TIME_BITS=64", "-D_FILE_OFFSET_BITS=64"];

/// What tinyalsa's programs call.
pub const TINY: CClient = CClient {
    name: "tiny",
    source: "tiny.c",
    options: &[WITH_LIBRARY],
};

/// The 32-bit client, with 32-bit and with 64-bit time.
pub const PCM32: [CClient; 2] = [
    CClient {
        name: "pcm32",
        source: "pcm32.c",
        options: &[FREESTANDING_32],
    },
    CClient {
        name: "pcm32-time64",
        source: "pcm32.c",
        options: &[FREESTANDING_32, TIME_64],
    },
];

/// Makes all of them, for the virtual machine.
pub fn make_all() {
    for client in [TINY, PCM32[0], PCM32[1]] {
        let _ = client.made();
    }
}

impl CClient {
    /// A copy in `folder`, for everybody to run.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn copy_to(&self, folder: &Path) -> PathBuf {
        let copy = folder.join(self.name);
        let copied = fs::copy(self.made(), &copy);
        assert!(copied.is_ok(), "{copied:?}");
        let _ = fs::set_permissions(&copy, fs::Permissions::from_mode(0o755));
        copy
    }

    /// The program beside those of this build; compiled anew, unless this is the virtual machine.
    ///
    /// # Panics
    /// If the compiler is missing or refuses.
    #[must_use]
    pub fn made(&self) -> PathBuf {
        let folder = program().with_file_name("clients");
        let made = folder.join(self.name);
        if place().is_some() {
            return made;
        }
        // All that the C library's headers lack for 32 bits.
        let _ = fs::create_dir_all(folder.join("gnu"));
        let _ = fs::write(folder.join("gnu/stubs-32.h"), "");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
        // Others may be running it, or making it too.
        let new =
            tempfile::NamedTempFile::new_in(&folder).map(tempfile::NamedTempFile::into_temp_path);
        let Ok(new) = new else {
            panic!("Cannot write in {}: {new:?}", folder.display())
        };
        let compiled = Command::new("gcc")
            .args(["-std=gnu11", "-O1", "-Wall", "-Werror"])
            .args(self.options.concat())
            .arg("-I")
            .arg(&folder)
            .arg("-o")
            .args([new.as_os_str(), source.join(self.source).as_os_str()])
            .output()
            .expect(
                "this test needs gcc and the kernel's headers (Debian: gcc, libc6-dev, linux-libc-dev)",
            );
        assert!(
            compiled.status.success(),
            "{}",
            String::from_utf8_lossy(&compiled.stderr)
        );
        let _ = fs::set_permissions(&new, fs::Permissions::from_mode(0o755));
        let kept = new.persist(&made);
        assert!(kept.is_ok(), "{kept:?}");
        made
    }
}
