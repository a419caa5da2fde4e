//! What a control element of the card's own devices is: a description, and a way to its values.
//!
//! Knows nothing of clients, locks and numbers; [`super::Control`] checks access and ranges before it asks an element.

use std::fmt;

use uapi::Errno;
use uapi::control::elem::{Range, access, iface};

/// What an element is called, what its values are, and what may be done to it. Fixed while the card lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// What it belongs to, `uapi::control::elem::iface`.
    pub iface: i32,
    /// Device number.
    pub device: u32,
    /// Subdevice number.
    pub subdevice: u32,
    /// Name, at most 43 bytes.
    pub name: String,
    /// Index among elements of one name.
    pub index: u32,
    /// What may be done, `uapi::control::elem::access`.
    pub access: u32,
    /// Type and range of the values.
    pub kind: Kind,
    /// How many values, 1..=128.
    pub count: u32,
    /// TLV: type, length in bytes of the rest, the rest; empty if none. Goes with the access bit TLV_READ.
    pub tlv: Vec<u32>,
}

/// Type and range of the values of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0 or 1.
    Boolean,
    /// Whole numbers in a range.
    Integer(Range),
    /// One of these, by number; each name has 1..=63 bytes.
    Enumerated(Vec<String>),
}

impl Description {
    /// A mixer element of this name: readable and writable, one value, no TLV.
    #[must_use]
    pub fn mixer(name: impl Into<String>, kind: Kind) -> Description {
        Description {
            iface: iface::MIXER,
            device: 0,
            subdevice: 0,
            name: name.into(),
            index: 0,
            access: access::READWRITE,
            kind,
            count: 1,
            tlv: Vec::new(),
        }
    }

    /// An element of a PCM substream: readable and writable, one value, no TLV.
    #[must_use]
    pub fn pcm(device: u32, subdevice: u32, name: impl Into<String>, kind: Kind) -> Description {
        Description {
            iface: iface::PCM,
            device,
            subdevice,
            ..Description::mixer(name, kind)
        }
    }

    /// The same with this index.
    #[must_use]
    pub fn index(mut self, index: u32) -> Description {
        self.index = index;
        self
    }

    /// The same with this many values.
    #[must_use]
    pub fn values(mut self, count: u32) -> Description {
        self.count = count;
        self
    }

    /// The same with a TLV that can be read.
    #[must_use]
    pub fn tlv(mut self, tlv: Vec<u32>) -> Description {
        self.access |= access::TLV_READ;
        self.tlv = tlv;
        self
    }

    /// The same, not writable.
    #[must_use]
    pub fn read_only(mut self) -> Description {
        self.access &= !access::WRITE;
        self
    }

    /// Whether one value is in range: otherwise a write gives EINVAL.
    pub(super) fn accepts(&self, value: i64) -> bool {
        match &self.kind {
            Kind::Boolean => matches!(value, 0 | 1),
            Kind::Integer(range) => {
                (range.min..=range.max).contains(&value)
                    && (range.step == 0
                        || value.wrapping_sub(range.min).checked_rem(range.step) == Some(0))
            }
            Kind::Enumerated(items) => usize::try_from(value).is_ok_and(|item| item < items.len()),
        }
    }
}

/// A control element of the card's own devices.
pub trait Element: Send + fmt::Debug {
    /// What it is. Asked once.
    fn description(&self) -> Description;

    /// Its values now; `values` has `count` places.
    fn get(&self, values: &mut [i64]);

    /// Takes `count` values, all in range; says whether any differs from before.
    ///
    /// # Errors
    /// Whatever ELEM_WRITE shall give; nothing is then taken.
    fn put(&mut self, values: &[i64]) -> Result<bool, Errno>;

    /// Whether the values may change by themselves, not by `put`. Asked once; [`Element::take_changed`] is then asked
    /// after every request.
    fn is_restless(&self) -> bool;

    /// Whether the values have changed by themselves since last asked: clients are told.
    fn take_changed(&mut self) -> bool;
}

/// An element of one value that lives elsewhere, behind two functions.
pub struct Knob {
    description: Description,
    get: Box<dyn Fn() -> i64 + Send>,
    set: Box<dyn FnMut(i64) -> Result<(), Errno> + Send>,
    /// The value that clients were last told.
    told: i64,
}

impl Knob {
    /// An element that asks `get` for its value and gives a new one to `set`. A change of what `get` says is told to
    /// clients.
    #[must_use]
    pub fn new(
        description: Description,
        get: impl Fn() -> i64 + Send + 'static,
        set: impl FnMut(i64) -> Result<(), Errno> + Send + 'static,
    ) -> Knob {
        let told = get();
        let description = description.values(1);
        Knob {
            description,
            get: Box::new(get),
            set: Box::new(set),
            told,
        }
    }
}

impl fmt::Debug for Knob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Knob")
            .field("description", &self.description)
            .field("told", &self.told)
            .finish_non_exhaustive()
    }
}

impl Element for Knob {
    fn description(&self) -> Description {
        self.description.clone()
    }

    fn get(&self, values: &mut [i64]) {
        values.fill((self.get)());
    }

    fn put(&mut self, values: &[i64]) -> Result<bool, Errno> {
        let Some(&value) = values.first() else {
            return Err(Errno::EINVAL);
        };
        let before = (self.get)();
        (self.set)(value)?;
        self.told = (self.get)();
        Ok(self.told != before)
    }

    fn is_restless(&self) -> bool {
        true
    }

    fn take_changed(&mut self) -> bool {
        let now = (self.get)();
        let changed = now != self.told;
        self.told = now;
        changed
    }
}
