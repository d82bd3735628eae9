//! A map with the two ways by satellite: from an earth station in Maryland over the Atlantic to one north of Moscow.
//!
//! Standard: none; ours. The coasts are as rough as those of `map`; where over the equator the satellites stood is ours.
//! In: a [`Canvas`]. Out: ink. Left out: the cable, anything to point a dish by. Shown by: the demo of 1986.

use super::canvas::{Canvas, Place, crossings};
use super::map::{AMERICA, BAFFIN, BRITAIN, Degrees, EUROPE, GREENLAND, ICELAND, IRELAND, NEWFOUNDLAND, Window, ZEALAND};

#[rustfmt::skip]
const AFRICA: &[Degrees] = &[
    (-98, 314), (-68, 340), (-59, 358), (-20, 351), (100, 372), (110, 335), (200, 325), (290, 309), (323, 313), (337, 275), (355, 240),
    (372, 200), (395, 155), (430, 115), (450, 105), (450, 20), (420, -10), (400, -30), (390, -60), (125, -60), (120, -50), (100, -30),
    (90, -10), (94, 4), (95, 40), (60, 43), (34, 64), (-2, 55), (-40, 53), (-77, 44), (-108, 63), (-132, 85), (-167, 120), (-175, 147),
    (-160, 181), (-171, 208), (-160, 237), (-129, 279),
];
#[rustfmt::skip]
const ASIA: &[Degrees] = &[
    (290, 411), (310, 411), (350, 420), (380, 410), (415, 416), (450, 405), (450, 130), (430, 127), (427, 160), (390, 210), (350, 280),
    (345, 315), (360, 360), (305, 363), (275, 367), (263, 385), (263, 400),
];
#[rustfmt::skip]
const SOUTH_AMERICA: &[Degrees] = &[
    (-850, 110), (-795, 95), (-771, 85), (-755, 105), (-720, 120), (-715, 110), (-640, 105), (-600, 85), (-570, 60), (-520, 48), (-500, 10),
    (-480, -7), (-440, -25), (-400, -29), (-370, -45), (-360, -60), (-810, -60), (-810, -30), (-805, 5), (-775, 40), (-780, 70), (-800, 75),
    (-830, 82), (-850, 97),
];
const FLORIDA: &[Degrees] = &[(-850, 297), (-830, 291), (-827, 277), (-811, 251), (-803, 253), (-800, 268), (-814, 307), (-830, 320)];
const CUBA: &[Degrees] = &[(-849, 219), (-825, 231), (-800, 230), (-742, 202), (-770, 199), (-825, 226)];
const HISPANIOLA: &[Degrees] = &[(-744, 184), (-733, 199), (-684, 186), (-700, 183), (-717, 177)];
const COASTS: [&[Degrees]; 15] = [
    AMERICA,
    NEWFOUNDLAND,
    BAFFIN,
    GREENLAND,
    ICELAND,
    BRITAIN,
    IRELAND,
    ZEALAND,
    EUROPE,
    AFRICA,
    ASIA,
    SOUTH_AMERICA,
    FLORIDA,
    CUBA,
    HISPANIOLA,
];

/// The earth stations, and the satellites over the equator.
const DETRICK: Degrees = (-774, 394);
const DUBNA: Degrees = (372, 567);
const SATELLITES: [(&str, Degrees); 2] = [("INTELSAT", (-400, 0)), ("GORIZONT", (-40, 0))];

/// The page `satellites`.
pub(super) fn sky(canvas: &mut Canvas) -> Result<(), String> {
    canvas.words((1500, 2500), 160, "TWO WAYS BY SATELLITE")?;
    canvas.words((1500, 3300), 110, "ДВА ПУТИ ЧЕРЕЗ СПУТНИК")?;
    let window = Window { west: -850, north: 720, south: -60, corner: (1500, 3900), scale: 138, width: 17_900, names: 0 };
    let coasts: Vec<Vec<Place>> = COASTS.iter().map(|c| c.iter().map(|d| window.place(*d)).collect()).collect();
    ruled(canvas, &window, &coasts);
    for coast in &coasts {
        // What runs along the edge of another is no coast.
        let next = coast.iter().cycle().skip(1);
        coast.iter().zip(next).for_each(|(a, b)| window.line(canvas, *a, *b, 30, 0));
    }
    window.line(canvas, window.place((-850, 0)), window.place((450, 0)), 20, 0);
    canvas.frame(window.corner, (window.corner.0 + window.width, window.foot()), 60);
    for (name, at) in SATELLITES {
        let place = window.place(at);
        for station in [DETRICK, DUBNA] {
            window.line(canvas, window.place(station), place, 90, 260);
        }
        satellite(canvas, place);
        label(canvas, (place.0 - name.len() as i64 * 165, place.1 + 1100), 130, name)?;
    }
    for (name, at, beside) in [("FORT DETRICK", DETRICK, (300, -350)), ("DUBNA", DUBNA, (-1500, -450))] {
        let place = window.place(at);
        canvas.disc(place, 230);
        label(canvas, (place.0 + beside.0, place.1 + beside.1), 120, name)?;
    }
    let foot = window.foot();
    for (n, words) in [
        "Each way goes 36,000 km up and as far down again: about 80,000 km, and more",
        "than a quarter of a second. If one fades, the other is called.",
        "Каждый путь поднимается на 36 000 км и спускается обратно: около 80 000 км,",
        "больше четверти секунды. Если один замирает, вызывают по другому.",
    ]
    .into_iter()
    .enumerate()
    {
        canvas.words((1500, foot + 900 + n as i64 * 600), 105, words)?;
    }
    canvas.words((1500, foot + 3600), 70, "Drawn for molink, true to a degree or so; where the satellites stand is ours.")
}

/// Lines on the land: a grey that is short to send, for each is one run.
fn ruled(canvas: &mut Canvas, window: &Window, coasts: &[Vec<Place>]) {
    let (left, right) = (window.corner.0, window.corner.0 + window.width);
    for y in (window.corner.1..window.foot()).step_by(78) {
        for coast in coasts {
            let mut edges = crossings(coast, y);
            edges.sort_unstable();
            for two in edges.chunks_exact(2) {
                let (from, to) = (two[0].clamp(left, right), two[1].clamp(left, right));
                canvas.block((from, y), (to, y + 26));
            }
        }
    }
}

/// A name on white, so that it stands out of the land.
fn label(canvas: &mut Canvas, place: Place, tenths: usize, name: &str) -> Result<(), String> {
    let wide = name.len() as i64 * tenths as i64 * 212 / 100;
    canvas.clear((place.0 - 80, place.1 - 360), (place.0 + wide + 80, place.1 + 110));
    canvas.words(place, tenths, name)
}

fn satellite(canvas: &mut Canvas, (x, y): Place) {
    canvas.clear((x - 950, y - 420), (x + 950, y + 420));
    canvas.block((x - 220, y - 330), (x + 220, y + 330));
    canvas.line((x - 900, y), (x + 900, y), 40);
    for left in [x - 900, x + 380] {
        canvas.frame((left, y - 230), (left + 520, y + 230), 40);
        for n in 1..4 {
            canvas.line((left + n * 130, y - 230), (left + n * 130, y + 230), 20);
        }
        canvas.line((left, y), (left + 520, y), 20);
    }
}
