//! Where the nodes of a daemon's cards are: in a mounted directory, among the machine's devices, or in both ways.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Failure;
use super::devices::{AccessOptions, Devices};
use super::hidden::Hidden;
use super::options::Nodes;
use crate::container::SND_DIRECTORY;
use crate::request::Node;
use crate::server::Server;
use crate::transport::CardIndex;
use crate::transport::cuse::device_node;
use crate::transport::mount::{MapKind, Mount, MountConfig};
use crate::transport::mounting::{Bound, MountOptions, mount_at};
use crate::transport::nodes::NodeSpec;
use crate::transport::opens::Opens;

/// The connection of a mount beside devices: a card has fewer of those.
const BESIDE_DEVICES: u8 = 255;

/// A node to be shown.
#[derive(Debug)]
pub(super) struct NewNode {
    /// Its name, and what it is.
    pub(super) spec: NodeSpec,
    /// One file at a time can be open on it.
    pub(super) alone: bool,
}

impl NewNode {
    pub(super) fn new(card: CardIndex, number: u32, node: Node, alone: bool) -> NewNode {
        let spec = NodeSpec::new(card, number, node);
        NewNode { spec, alone }
    }
}

/// Where nodes are.
#[derive(Debug)]
pub(super) enum Place {
    /// In a directory.
    Mounted {
        /// Which.
        at: PathBuf,
        mount: Arc<Mount>,
    },
    /// Devices of the machine.
    Devices(Devices),
    /// The same, with nodes that can be mapped bound over them.
    Both {
        devices: Devices,
        mount: Arc<Mount>,
        /// Where it is mounted.
        _hidden: Hidden,
    },
}

impl Place {
    /// A place without nodes.
    ///
    /// # Errors
    /// What is asked for cannot be had here.
    pub(super) fn open(
        server: &mut Server,
        nodes: Nodes,
        at: &Path,
        access: &AccessOptions,
    ) -> Result<Place, Failure> {
        match nodes {
            Nodes::Cuse => Ok(Place::Devices(Devices::new(access)?)),
            Nodes::Both => {
                let devices = Devices::new(access)?;
                let hidden = Hidden::make()?;
                let who = devices.access();
                let config = MountConfig {
                    map: MapKind::Passthrough,
                    mode: who.mode,
                    uid: who.uid,
                    gid: who.gid,
                    nodes: Vec::new(),
                };
                let mount = mount(server, hidden.path(), config, devices.opens())?;
                let kind = mount.kind().unwrap_or(MapKind::Plain);
                let place = Place::Both {
                    devices,
                    mount,
                    _hidden: hidden,
                };
                if kind != MapKind::Passthrough {
                    return Err(Failure::new(
                        "Nodes that can be mapped cannot be bound over devices here: that needs Linux 6.9",
                    )
                    .try_this("--nodes cuse; `cuse-pcm doctor` tells more"));
                }
                Ok(place)
            }
            Nodes::Auto | Nodes::Passthrough | Nodes::PageCache => {
                let config = access.apply(MountConfig {
                    map: nodes.map_kind(),
                    ..MountConfig::new(Vec::new())
                })?;
                let mount = mount(server, at, config, Opens::default())?;
                let kind = mount.kind().unwrap_or(MapKind::Plain);
                log::info!("Nodes in {}: {kind:?}", at.display());
                if nodes != Nodes::Auto && kind != nodes.map_kind() {
                    return Err(Failure::new(format!("{nodes:?} nodes cannot be had here"))
                        .try_this("--nodes auto; `cuse-pcm doctor` tells what is missing"));
                }
                let at = at.to_path_buf();
                Ok(Place::Mounted { at, mount })
            }
        }
    }

    /// The directory that holds the nodes.
    pub(super) fn directory(&self) -> &Path {
        match self {
            Place::Mounted { at, .. } => at,
            Place::Devices(_) | Place::Both { .. } => Path::new(SND_DIRECTORY),
        }
    }

    /// Whether ioctls that carry a value reach the card through some node.
    pub(super) fn pass_values(&self) -> bool {
        !matches!(self, Place::Mounted { .. })
    }

    /// Whether another card of the machine has this number already.
    pub(super) fn taken(&self, number: u32) -> bool {
        // In a directory of their own cards meet no others.
        self.directory() == Path::new(SND_DIRECTORY) && device_node::holder(number).is_some()
    }

    /// Shows the nodes of a card that is served; returns what was bound over them.
    ///
    /// # Errors
    /// A name is taken, or a node cannot be made. What was made before is taken away with the card.
    pub(super) fn show(
        &self,
        server: &mut Server,
        nodes: Vec<NewNode>,
    ) -> Result<Vec<Bound>, Failure> {
        match self {
            Place::Mounted { at, mount } => {
                add(mount, at, nodes)?;
                Ok(Vec::new())
            }
            Place::Devices(devices) => {
                devices.show(server, nodes.iter().map(|node| &node.spec))?;
                Ok(Vec::new())
            }
            Place::Both { devices, mount, .. } => {
                devices.show(server, nodes.iter().map(|node| &node.spec))?;
                let alone: Vec<NewNode> = nodes.into_iter().filter(|node| node.alone).collect();
                let names: Vec<String> = alone.iter().map(|node| node.spec.name.clone()).collect();
                add(mount, self.directory(), alone)?;
                names.iter().map(|name| bind(mount, name)).collect()
            }
        }
    }
}

fn mount(
    server: &mut Server,
    at: &Path,
    config: MountConfig,
    opens: Opens,
) -> Result<Arc<Mount>, Failure> {
    let (fd, mounted) =
        mount_at(at, &MountOptions::default()).map_err(|error| not_mounted(at, &error))?;
    let mount = Mount::beside(fd, mounted, config, BESIDE_DEVICES, opens)
        .map_err(|errno| Failure::new(format!("Cannot serve {}: {errno}", at.display())))?;
    server
        .add_mount(&mount)
        .map_err(|error| Failure::new(format!("Cannot serve {}: {error}", at.display())))?;
    Ok(mount)
}

fn add(mount: &Mount, at: &Path, nodes: Vec<NewNode>) -> Result<(), Failure> {
    let specs = nodes.into_iter().map(|node| node.spec).collect();
    mount.add_nodes(specs).map_err(|errno| {
        Failure::new(format!(
            "A node of that name is in {} already: {errno}",
            at.display()
        ))
    })
}

fn bind(mount: &Mount, name: &str) -> Result<Bound, Failure> {
    let path = Path::new(SND_DIRECTORY).join(name);
    mount.bind(name, &path).map_err(|error| {
        Failure::new(format!(
            "Cannot bind a node over {}: {error}",
            path.display()
        ))
        .try_this("--nodes cuse needs no mount")
    })
}

fn not_mounted(at: &Path, error: &std::io::Error) -> Failure {
    if let Err(fuse) = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse")
    {
        let remedy = if fuse.kind() == std::io::ErrorKind::PermissionDenied {
            "chmod 0666 /dev/fuse (as root; distributions ship it so), or run as root"
        } else {
            "modprobe fuse (as root); a container has to be started with --device /dev/fuse"
        };
        return Failure::new(format!("Cannot open /dev/fuse: {fuse}")).try_this(remedy);
    }
    Failure::new(format!("Cannot mount on {}: {error}", at.display()))
        .try_this("run it as root; `cuse-pcm run` needs no root; `cuse-pcm doctor` tells more")
}
