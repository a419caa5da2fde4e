//! Cards as character devices in `/dev/snd`, made through `/dev/cuse`.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use uapi::Errno;

use super::Failure;
use crate::server::Server;
use crate::transport::cuse::device_node::{self, Access, DIRECTORY, number_of};
use crate::transport::cuse::{CUSE, Cuse};
use crate::transport::mount::MountConfig;
use crate::transport::nodes::NodeSpec;
use crate::transport::opens::Opens;

/// Who may use the devices.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Who may use the nodes")]
pub(super) struct AccessOptions {
    /// Who owns them: a name or a number (default: who serves)
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// Their group (default: for devices audio where there is such a group, else that of who serves)
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// Their permission bits, octal (default: 660 for devices, else 666)
    #[arg(long, value_name = "MODE", value_parser = permission_bits)]
    mode: Option<u32>,
}

impl AccessOptions {
    /// A mount with what was asked for.
    ///
    /// # Errors
    /// There is no such user or group.
    pub(super) fn apply(&self, config: MountConfig) -> Result<MountConfig, Failure> {
        Ok(MountConfig {
            uid: number(self.owner.as_deref(), "/etc/passwd", "user")?.unwrap_or(config.uid),
            gid: number(self.group.as_deref(), "/etc/group", "group")?.unwrap_or(config.gid),
            mode: self.mode.unwrap_or(config.mode),
            ..config
        })
    }

    fn access(&self) -> Result<Access, Failure> {
        let default = Access::default();
        Ok(Access {
            uid: number(self.owner.as_deref(), "/etc/passwd", "user")?.unwrap_or(default.uid),
            gid: number(self.group.as_deref(), "/etc/group", "group")?.unwrap_or(default.gid),
            mode: self.mode.unwrap_or(default.mode),
        })
    }
}

fn permission_bits(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("permission bits are octal, 0 to 777".to_owned()),
    }
}

/// The number of a user or group that is given by name or number.
fn number(given: Option<&str>, list: &str, what: &str) -> Result<Option<u32>, Failure> {
    let Some(given) = given else {
        return Ok(None);
    };
    if let Ok(number) = given.parse() {
        return Ok(Some(number));
    }
    let known = std::fs::read_to_string(list).unwrap_or_default();
    match number_of(&known, given) {
        Some(number) => Ok(Some(number)),
        None => Err(Failure::new(format!("There is no {what} {given}"))
            .try_this(format!("a name from {list}"))),
    }
}

/// Devices of the machine, made one by one.
#[derive(Debug)]
pub(super) struct Devices {
    access: Access,
    /// Files of all of them can be linked.
    opens: Opens,
}

impl Devices {
    /// None yet.
    pub(super) fn new(options: &AccessOptions) -> Result<Devices, Failure> {
        let access = options.access()?;
        let opens = Opens::default();
        Ok(Devices { access, opens })
    }

    /// Who may use them.
    pub(super) fn access(&self) -> Access {
        self.access
    }

    /// For files beside those of the devices.
    pub(super) fn opens(&self) -> Opens {
        self.opens.beside()
    }

    /// Makes the devices of one card.
    ///
    /// # Errors
    /// The number is taken, or one cannot be made; those made before stay until the card is removed.
    pub(super) fn show<'a>(
        &self,
        server: &mut Server,
        nodes: impl Iterator<Item = &'a NodeSpec> + Clone,
    ) -> Result<(), Failure> {
        nodes.clone().try_for_each(free)?;
        for (connection, spec) in (0..).zip(nodes) {
            let device = open(spec.clone(), connection, self.opens.beside())?;
            make(server, &device, &self.access)?;
        }
        Ok(())
    }
}

/// The number has to be free: the kernel would make the device all the same, without a node.
fn free(spec: &NodeSpec) -> Result<(), Failure> {
    let number: String = (spec.name.chars().skip_while(|c| !c.is_ascii_digit()))
        .take_while(char::is_ascii_digit)
        .collect();
    let holder = number.parse().ok().and_then(device_node::holder);
    match holder.or_else(|| device_node::taken_by(&spec.name)) {
        Some(holder) => Err(in_use(&number, &holder)),
        None => Ok(()),
    }
}

fn in_use(number: &str, holder: &Path) -> Failure {
    let what = format!(
        "Card number {number} is in use: {} exists",
        holder.display()
    );
    let left = holder.starts_with("/sys");
    Failure::new(what).try_this(if left {
        "another number with --card (0 to 31): a card with this one was removed, and programs have it open still"
    } else {
        "another number with --card (0 to 31)"
    })
}

fn open(spec: NodeSpec, connection: u32, opens: Opens) -> Result<Arc<Cuse>, Failure> {
    let connection = u8::try_from(connection)
        .map_err(|_| Failure::new("No more than 256 devices can be served at once"))?;
    Cuse::open(spec, connection, opens).map_err(not_opened)
}

fn make(server: &mut Server, device: &Arc<Cuse>, access: &Access) -> Result<(), Failure> {
    let name = &device.spec().name;
    server
        .add_device(device)
        .map_err(|error| Failure::new(format!("Cannot serve {DIRECTORY}/{name}: {error}")))?;
    let number = device_node::settle(name, access).map_err(|error| {
        Failure::new(format!("Cannot make {DIRECTORY}/{name}: {error}"))
            .try_this("devices need devtmpfs on /dev and sysfs on /sys; --nodes auto needs neither")
    })?;
    device.set_number(number);
    log::info!("{DIRECTORY}/{name} is there");
    Ok(())
}

fn not_opened(errno: Errno) -> Failure {
    let remedy = match errno {
        Errno::ENOENT => "modprobe cuse (as root)",
        _ => "run it as root; --nodes auto works without /dev/cuse",
    };
    Failure::new(format!("Cannot open {CUSE}: {errno}")).try_this(remedy)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn permission_bits_are_octal_and_no_more_than_nine() {
        assert_eq!(permission_bits("0660"), Ok(0o660));
        assert!(permission_bits("4755").is_err());
        assert!(permission_bits("rw").is_err());
        assert!(permission_bits("689").is_err());
    }

    #[test]
    fn users_and_groups_go_by_name_or_number() {
        let root = number(Some("root"), "/etc/passwd", "user");
        assert_eq!(root.unwrap(), Some(0));
        assert_eq!(number(Some("4711"), "/none", "group").unwrap(), Some(4711));
        assert_eq!(number(None, "/etc/group", "group").unwrap(), None);
        assert!(number(Some("nobody at all"), "/etc/group", "group").is_err());
    }
}
