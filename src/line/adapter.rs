//! Serial adapters: what a device is, by the kernel's own account, and what its kind can do at 5 data bits and 45–50 Bd.
//!
//! Standards: none; Linux drivers, read in their source (`docs/serial.md` tells of each). In: a device path. Out: names and a [`Known`].
//! Left out: other systems than Linux (there an adapter is named by its path). Shown by: `line::adapter::tests`, `molink doctor`.

use std::path::{Path, PathBuf};

/// The kernel's names for a device: `FT232R USB UART (driver ftdi_sio)`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Adapter {
    /// Its driver, as `ftdi_sio`, if known.
    pub driver: Option<String>,
    /// What the adapter calls itself, if it does.
    pub product: Option<String>,
}

impl Adapter {
    /// Looks a device up in `/sys`.
    pub fn of(device: &Path) -> Adapter {
        let real = std::fs::canonicalize(device).unwrap_or_else(|_| device.to_owned());
        let Some(name) = real.file_name() else { return Adapter::default() };
        let node = PathBuf::from("/sys/class/tty").join(name).join("device");
        let Ok(node) = std::fs::canonicalize(node) else { return Adapter::default() };
        // A USB adapter's strings stand one or two folders above its port.
        let product = node.ancestors().take(4).find_map(|up| std::fs::read_to_string(up.join("product")).ok());
        let driver = std::fs::read_link(node.join("driver")).ok();
        let driver = driver.and_then(|d| Some(d.file_name()?.to_str()?.to_owned()));
        Adapter { driver, product: product.map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()) }
    }

    /// What is known of its kind.
    pub fn known(&self) -> Option<&'static Known> {
        let driver = self.driver.as_deref()?;
        KNOWN.iter().find(|k| k.drivers.contains(&driver))
    }
}

impl std::fmt::Display for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.product, &self.driver) {
            (Some(p), Some(d)) => write!(f, "{p}, driver {d}"),
            (Some(p), None) => f.write_str(p),
            (None, Some(d)) => write!(f, "driver {d}"),
            (None, None) => f.write_str("unknown adapter"),
        }
    }
}

/// Whether a kind of adapter can do five-unit code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Suits {
    /// Yes.
    Yes,
    /// No: it has no 5 data bits.
    No,
    /// It depends on the adapter behind the driver: only trying tells.
    Depends,
}

/// What is known of a kind of adapter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    /// Its drivers' names.
    pub drivers: &'static [&'static str],
    /// Its name for people.
    pub name: &'static str,
    /// Whether it can do five-unit code.
    pub suits: Suits,
    /// What to know about it.
    pub remark: &'static str,
}

/// The table of `docs/serial.md`.
pub const KNOWN: &[Known] = &[
    Known {
        drivers: &["ftdi_sio"],
        name: "FTDI (FT232 and kin)",
        suits: Suits::No,
        remark: "the driver gives only 7 and 8 data bits and puts 5 back to what it was",
    },
    Known {
        drivers: &["ch341", "ch341-uart"],
        name: "WCH CH340, CH341",
        suits: Suits::Yes,
        remark: "46 Bd is its lowest (1.2 % off 45.45, harmless); it always sends 2 stop units",
    },
    Known { drivers: &["pl2303"], name: "Prolific PL2303", suits: Suits::Yes, remark: "5 data bits and 1.5 stop units" },
    Known {
        drivers: &["serial8250", "serial", "8250", "of_serial", "serial_pci", "8250_pci", "parport_serial"],
        name: "16550 and kin",
        suits: Suits::Yes,
        remark: "5 data bits, 1.5 stop units, 45 and 50 Bd exactly",
    },
    Known {
        drivers: &["cdc_acm"],
        name: "USB modem class (cdc_acm)",
        suits: Suits::Depends,
        remark: "the adapter's own firmware decides, and the driver cannot tell what it really does: listen to it",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_driver_stands_in_the_table_once() {
        let mut all: Vec<_> = KNOWN.iter().flat_map(|k| k.drivers).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn an_adapter_is_named_by_what_is_known_of_it() {
        let ftdi = Adapter { driver: Some("ftdi_sio".into()), product: Some("FT232R USB UART".into()) };
        assert_eq!(ftdi.to_string(), "FT232R USB UART, driver ftdi_sio");
        assert_eq!(ftdi.known().map(|k| k.suits), Some(Suits::No));
        assert_eq!(Adapter::of(Path::new("/dev/no-such-device")).to_string(), "unknown adapter");
    }
}
