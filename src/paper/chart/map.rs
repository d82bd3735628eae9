//! A map: coasts, a net of degrees, and the way of the link from Washington to Moscow.
//!
//! Standard: none. The outlines are drawn by hand for this chart, to a degree or so; plate carrée, true at 53 degrees north.
//! In: a [`Canvas`], a window of degrees. Out: ink. Left out: borders, and anything to navigate by. Shown by: `paper::chart`.

use super::canvas::{Canvas, Place};

/// Tenths of a degree, east and north.
pub(super) type Degrees = (i64, i64);

#[rustfmt::skip]
pub(super) const AMERICA: &[Degrees] = &[
    (-850, 300), (-815, 310), (-800, 330), (-780, 340), (-755, 353), (-760, 370), (-763, 389), (-754, 380), (-742, 395), (-740, 406),
    (-700, 416), (-705, 430), (-670, 446), (-645, 454), (-662, 437), (-633, 446), (-610, 453), (-600, 465), (-640, 461), (-650, 478),
    (-643, 490), (-680, 489), (-600, 502), (-560, 520), (-580, 545), (-615, 570), (-645, 603), (-690, 588), (-700, 610), (-775, 624),
    (-780, 590), (-770, 560), (-790, 540), (-795, 515), (-820, 530), (-822, 550), (-850, 553),
];
pub(super) const NEWFOUNDLAND: &[Degrees] = &[(-592, 477), (-570, 514), (-555, 515), (-560, 500), (-530, 490), (-530, 467), (-558, 469)];
pub(super) const BAFFIN: &[Degrees] = &[
    (-650, 619),
    (-685, 625),
    (-730, 644),
    (-780, 650),
    (-730, 680),
    (-780, 700),
    (-850, 715),
    (-760, 720),
    (-680, 700),
    (-620, 670),
    (-655, 640),
];
pub(super) const GREENLAND: &[Degrees] =
    &[(-450, 600), (-430, 602), (-400, 645), (-330, 675), (-240, 700), (-220, 720), (-540, 720), (-510, 698), (-535, 670), (-510, 640)];
pub(super) const ICELAND: &[Degrees] =
    &[(-225, 639), (-185, 634), (-140, 646), (-147, 662), (-180, 661), (-220, 664), (-243, 655), (-220, 644)];
#[rustfmt::skip]
pub(super) const BRITAIN: &[Degrees] = &[
    (-56, 501), (-35, 503), (13, 511), (17, 526), (3, 530), (-15, 550), (-30, 560), (-20, 576), (-40, 577), (-32, 586), (-50, 585),
    (-60, 567), (-50, 550), (-32, 549), (-30, 535), (-45, 532), (-42, 523), (-52, 519), (-30, 514), (-43, 511),
];
pub(super) const IRELAND: &[Degrees] = &[(-62, 522), (-98, 515), (-100, 542), (-80, 552), (-56, 545)];
pub(super) const ZEALAND: &[Degrees] = &[(112, 557), (126, 560), (125, 552), (113, 552)];
#[rustfmt::skip]
pub(super) const EUROPE: &[Degrees] = &[
    (-54, 361), (-90, 370), (-92, 387), (-88, 432), (-18, 434), (-12, 450), (-25, 473), (-47, 484), (-15, 487), (-18, 497), (2, 495),
    (16, 509), (38, 515), (47, 530), (70, 536), (87, 539), (82, 556), (82, 570), (106, 577), (103, 564), (97, 550), (110, 541),
    (125, 544), (143, 539), (185, 548), (198, 544), (210, 555), (211, 569), (225, 577), (243, 571), (236, 586), (245, 594), (280, 595),
    (302, 599), (285, 605), (250, 602), (225, 599), (213, 610), (215, 630), (245, 649), (242, 658), (220, 656), (203, 637), (175, 620),
    (172, 607), (188, 598), (166, 577), (160, 561), (142, 554), (129, 555), (119, 576), (107, 592), (80, 580), (56, 588), (50, 610),
    (85, 635), (125, 660), (155, 684), (200, 700), (257, 710), (310, 702), (410, 677), (400, 662), (340, 667), (370, 639), (404, 647),
    (450, 665), (450, 405), (415, 416), (375, 448), (390, 471), (350, 462), (365, 452), (335, 445), (330, 460), (305, 463), (286, 438),
    (290, 413), (263, 402), (235, 403), (240, 380), (228, 365), (210, 383), (194, 415), (155, 438), (136, 455), (124, 443), (160, 418),
    (184, 400), (166, 386), (158, 380), (158, 400), (123, 418), (102, 438), (70, 436), (32, 430), (2, 405), (-5, 380), (-20, 367),
];
const AFRICA: &[Degrees] = &[(-95, 300), (-68, 340), (-59, 358), (-20, 351), (100, 372), (110, 335), (200, 325), (330, 312), (330, 300)];
const COASTS: [&[Degrees]; 10] = [AMERICA, NEWFOUNDLAND, BAFFIN, GREENLAND, ICELAND, BRITAIN, IRELAND, ZEALAND, EUROPE, AFRICA];

/// The stations of the way, and where a name stands beside its mark, in millimetres.
const WAY: [(&str, Degrees, Place); 6] = [
    ("WASHINGTON", (-770, 389), (2, 5)),
    ("LONDON", (-1, 515), (-10, -3)),
    ("COPENHAGEN", (126, 557), (1, 5)),
    ("STOCKHOLM", (181, 593), (-17, -2)),
    ("HELSINKI", (249, 602), (0, -3)),
    ("MOSCOW", (376, 558), (-5, -3)),
];

/// What of the earth is shown, in tenths of degrees, and where on the page.
pub(super) struct Window {
    pub(super) west: i64,
    pub(super) north: i64,
    pub(super) south: i64,
    /// The upper left corner.
    pub(super) corner: Place,
    /// Hundredths of a millimetre to a degree of longitude.
    pub(super) scale: i64,
    pub(super) width: i64,
    /// The size of names, in tenths of a point.
    pub(super) names: usize,
}

impl Window {
    pub(super) fn place(&self, (east, north): Degrees) -> Place {
        // A degree of latitude is 1 / cos 53 = 1.66 of one of longitude.
        (self.corner.0 + (east - self.west) * self.scale / 10, self.corner.1 + (self.north - north) * self.scale * 166 / 1000)
    }
    pub(super) fn foot(&self) -> i64 {
        self.place((0, self.south)).1
    }
    fn within(&self, (x, y): Place) -> bool {
        (self.corner.0..=self.corner.0 + self.width).contains(&x) && (self.corner.1..=self.foot()).contains(&y)
    }
    /// A line, as far as it lies within.
    pub(super) fn line(&self, canvas: &mut Canvas, from: Place, to: Place, thick: i64, dash: i64) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let long = ((dx * dx + dy * dy) as u64).isqrt() as i64;
        let steps = (long / dash.max(40)).max(1);
        let at = |n: i64| (from.0 + dx * n / steps, from.1 + dy * n / steps);
        for n in (0..steps).filter(|n| dash == 0 || n % 2 == 0) {
            if self.within(at(n)) && self.within(at(n + 1)) {
                canvas.line(at(n), at(n + 1), thick);
            }
        }
    }
}

/// Draws the map.
pub(super) fn map(canvas: &mut Canvas, window: &Window) -> Result<(), String> {
    let end = (window.corner.0 + window.width, window.foot());
    net(canvas, window);
    let coasts: Vec<Vec<Place>> = COASTS.iter().map(|c| c.iter().map(|d| window.place(*d)).collect()).collect();
    stipple(canvas, window, &coasts);
    for coast in &coasts {
        let next = coast.iter().cycle().skip(1);
        coast.iter().zip(next).for_each(|(a, b)| window.line(canvas, *a, *b, 28, 0));
    }
    canvas.frame(window.corner, end, 50);
    for two in WAY.windows(2) {
        window.line(canvas, window.place(two[0].1), window.place(two[1].1), 70, 160);
    }
    for (name, degrees, beside) in WAY {
        let place = window.place(degrees);
        if window.within(place) {
            canvas.disc(place, 110);
            canvas.words((place.0 + beside.0 * 100, place.1 + beside.1 * 100), window.names, name)?;
        }
    }
    Ok(())
}

fn net(canvas: &mut Canvas, window: &Window) {
    for degrees in (-900..=450).step_by(100) {
        window.line(canvas, window.place((degrees, window.north)), window.place((degrees, window.south)), 10, 0);
    }
    for degrees in (300..=720).step_by(100) {
        let (from, to) = (window.place((window.west, degrees)), window.corner.0 + window.width);
        window.line(canvas, from, (to, from.1), 10, 0);
    }
}

/// Dots on the land, in rows a millimetre apart.
fn stipple(canvas: &mut Canvas, window: &Window, coasts: &[Vec<Place>]) {
    for (n, y) in (window.corner.1..window.foot()).step_by(100).enumerate() {
        for x in (window.corner.0 + n as i64 % 2 * 50..window.corner.0 + window.width).step_by(100) {
            if coasts.iter().any(|coast| inside(coast, (x, y))) {
                canvas.block((x - 8, y - 8), (x + 8, y + 8));
            }
        }
    }
}

fn inside(coast: &[Place], (x, y): Place) -> bool {
    let next = coast.iter().cycle().skip(1);
    let right = |((x0, y0), (x1, y1)): &(&Place, &Place)| (*y0 <= y) != (*y1 <= y) && x0 + (y - y0) * (x1 - x0) / (y1 - y0) > x;
    coast.iter().zip(next).filter(right).count() % 2 == 1
}
