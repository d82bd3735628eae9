//! Serial adapters: what a device is, by the kernel's own account, and what its kind can do at 5 data bits and 45–50 Bd.
//!
//! Standards: none; Linux drivers, read in their source (`docs/serial.md` tells of each). In: a device path. Out: names and a [`Known`]; the page's part about adapters.
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
        // Since Linux 6.5 a UART's port hangs on a bus of the kernel's own, serial-base: its driver is the first above that.
        let driver = node
            .ancestors()
            .take(4)
            .filter_map(|up| std::fs::read_link(up.join("driver")).ok())
            .find(|d| !d.to_string_lossy().contains("serial-base"));
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

/// What is known of a kind of adapter: the one place from which `molink doctor` and `docs/serial.md` speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    /// Its drivers' names.
    pub drivers: &'static [&'static str],
    /// Its name for people.
    pub name: &'static str,
    /// Whether it can do five-unit code.
    pub suits: Suits,
    /// Whether what its driver keeps tells what it does. If not, an adapter that does not suit is refused by its name.
    pub tells: bool,
    /// 5 data bits.
    pub bits: &'static str,
    /// 45.45 and 50 Bd.
    pub rates: &'static str,
    /// Stop units.
    pub stop: &'static str,
    /// What to know and do.
    pub remark: &'static str,
    /// How we know, and how surely.
    pub source: &'static str,
}

/// All kinds, the best first.
pub const KNOWN: &[Known] = &[
    Known {
        drivers: &["serial8250", "serial", "8250", "of_serial", "serial_pci", "8250_pci", "parport_serial"],
        name: "16550 UART, on the board, PCI or PCIe",
        suits: Suits::Yes,
        tells: true,
        bits: "yes",
        rates: "both; 45.45 as 45 (1 % off, harmless)",
        stop: "1 or 1.5",
        remark: "the port of first choice: no USB between, and it says how many codes wait in it",
        source: "the chip's data sheet and the driver 8250; sure. Not tried by us with a teleprinter",
    },
    Known {
        drivers: &["pl2303"],
        name: "Prolific PL2303",
        suits: Suits::Yes,
        tells: true,
        bits: "yes",
        rates: "both; 45.45 is asked as 45 and made as 45.9 (0.9 % off, harmless)",
        stop: "1 or 1.5",
        remark: "good on the older chips (HX, TA), whose clock the driver divides; the newest (G series, HXN) are sent the rate as a number \
                 and nothing tells whether they take it: listen to it",
        source: "the driver pl2303; fairly sure for HX, open for the G series. Not tried by us",
    },
    Known {
        drivers: &["ch341", "ch341-uart"],
        name: "WCH CH340, CH341",
        suits: Suits::Yes,
        tells: true,
        bits: "yes, on chips of version 30 (hexadecimal) and later",
        rates: "50; 46 is the lowest (1.2 % above 45.45, harmless)",
        stop: "2 in practice",
        remark: "good and cheap; half a unit slower a code than 7.5 units, which the line follows by itself. On older chips the driver leaves \
                 the data bits alone and does not say so: if garbage prints, take another",
        source: "the driver ch341; the stop units from piTelex's users; fairly sure. Not tried by us",
    },
    Known {
        drivers: &["cdc_acm"],
        name: "USB modem class (CDC-ACM): boards with firmware of their own",
        suits: Suits::Depends,
        tells: false,
        bits: "the firmware decides",
        rates: "the firmware decides",
        stop: "the firmware decides",
        remark: "the driver passes on what is asked and keeps it, whether the board does it or not: read-back proves nothing, listen to it. \
                 Boards made for teleprinters have such ports; their makers say how they are set to five-unit codes",
        source: "the driver cdc-acm; sure of the driver, the boards differ. Not tried by us",
    },
    Known {
        drivers: &["cp210x"],
        name: "Silicon Labs CP210x",
        suits: Suits::No,
        tells: true,
        bits: "yes",
        rates: "**neither**: the lowest rate is 300 Bd",
        stop: "-",
        remark: "its 5 data bits are of no use at 300 Bd; the rate that was kept gives it away and it is refused",
        source: "the driver cp210x; sure. Not tried by us",
    },
    Known {
        drivers: &["ftdi_sio"],
        name: "FTDI (FT232 and kin)",
        suits: Suits::No,
        tells: false,
        bits: "**no**: the chips have 7 and 8",
        rates: "**neither**: the lowest rate is 183 Bd",
        stop: "-",
        remark: "the driver takes 5 data bits without a word (for some card readers' sake), and the chip then sends 8: so it is refused by \
                 its name, whatever is read back",
        source: "the driver ftdi_sio, which says so in a comment; the rate from others' reports; sure. Not tried by us",
    },
];

impl Known {
    /// Why an adapter whose driver does not tell cannot be used; `None` if it can, or if the read-back will say.
    pub fn refusal(&self) -> Option<String> {
        let hidden = self.suits == Suits::No && !self.tells;
        hidden.then(|| format!("{}: {}; use another adapter (docs/serial.md names some)", self.name, self.remark))
    }
}

/// The part of `docs/serial.md` about adapters: a table, and a section a kind.
pub fn page() -> String {
    let mut out = String::from("| adapter | driver | 5 data bits | 45.45 and 50 Bd | stop units | |\n|---|---|---|---|---|---|\n");
    let drivers = |k: &Known| k.drivers.iter().take(3).map(|d| format!("`{d}`")).collect::<Vec<_>>().join(", ");
    for k in KNOWN {
        let verdict = match k.suits {
            Suits::Yes => "good",
            Suits::No => "**not for five-unit code**",
            Suits::Depends => "it depends",
        };
        out += &format!("| {} | {} | {} | {} | {} | {verdict} |\n", k.name, drivers(k), k.bits, k.rates, k.stop);
    }
    for k in KNOWN {
        let (bits, rates, stop) = (k.bits, k.rates, k.stop);
        out += &format!("\n### {}\n\n5 data bits: {bits}. Rates: {rates}. Stop units: {stop}.\n\n", k.name);
        out += &format!("{}.\n\nHow we know: {}.\n", upper(k.remark), k.source);
    }
    out
}

fn upper(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

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
        let why = ftdi.known().and_then(Known::refusal).unwrap();
        assert!(why.contains("FTDI") && why.contains("docs/serial.md"), "{why}");
        let refused: Vec<_> = KNOWN.iter().filter(|k| k.refusal().is_some()).map(|k| k.drivers[0]).collect();
        assert_eq!(refused, ["ftdi_sio"], "all others are judged by what their drivers kept");
        assert_eq!(Adapter::of(Path::new("/dev/no-such-device")).to_string(), "unknown adapter");
    }
}
