//! A tape as a picture, cut into strips, at true proportions.
//!
//! Standard: PNG (ISO/IEC 15948), 16 colours; 160 dots an inch, so that tape and pitch are whole dots (110 and 16). The printed side
//! is seen, the first code at the left, tracks 1 and 2 above the feed holes; which way up a tape is shown is ours, where it is is not.
//! In: codes as they are punched. Out: a file. Left out: paper that is oiled, torn or worn. Shown by: `tests/it/tape.rs`.

use super::{CODE_HOLE, FEED_FROM_EDGE, FEED_HOLE, PITCH, TRACKS, WIDTH};
use crate::line::Code;
use crate::paper::mix;
use png::{BitDepth, ColorType, DeflateCompression, Encoder, EncodingError, Filter, PixelDimensions, Unit};
use std::io::Write;

/// Dots an inch.
pub const DPI: u32 = 160;
/// Dots of ground around and between strips.
pub const AIR: usize = 24;
/// Codes on a strip, unless said otherwise: eight inches.
pub const STRIP: usize = 80;
/// Codes of a picture at the most.
pub const MOST: usize = 100_000;

const STEP: usize = (PITCH * DPI as f64) as usize;
const HEIGHT: usize = (WIDTH * DPI as f64) as usize;
// The 16 colours: the ground (seen through the holes) to paper in steps, and the paper's own unevenness.
const GROUND: u8 = 0;
const PAPER: u8 = 11;
const DULL: u8 = 12;
const BRIGHT: u8 = 13;
const EDGE: u8 = 14;
const GROUND_COLOUR: [i32; 3] = [44, 48, 56];
const PAPER_COLOUR: [i32; 3] = [236, 218, 168];

/// Draws a tape in strips of `strip` codes. The error is one sentence.
pub fn png(tape: &[Code], strip: usize) -> Result<Vec<u8>, String> {
    if tape.len() > MOST {
        return Err(format!("the tape has {} codes and a picture takes {MOST}; draw it in parts", tape.len()));
    }
    let mut file = vec![];
    encode(&mut file, tape, strip.clamp(1, MOST)).map_err(|e| format!("the picture cannot be made: {e}"))?;
    Ok(file)
}

fn encode(file: &mut Vec<u8>, tape: &[Code], strip: usize) -> Result<(), EncodingError> {
    let strips: Vec<&[Code]> = tape.chunks(strip).collect();
    let width = (strips.iter().map(|s| s.len()).max().unwrap_or(0) * STEP + 2 * AIR).next_multiple_of(2);
    let mut encoder = Encoder::new(file, width as u32, (strips.len() * (HEIGHT + AIR) + AIR) as u32);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Four);
    encoder.set_palette(palette());
    let metre = DPI * 10_000 / 254;
    encoder.set_pixel_dims(Some(PixelDimensions { xppu: metre, yppu: metre, unit: Unit::Meter }));
    encoder.set_filter(Filter::NoFilter);
    encoder.set_deflate_compression(DeflateCompression::Level(9));
    let mut writer = encoder.write_header()?;
    let mut stream = writer.stream_writer()?;
    let ground = vec![GROUND << 4 | GROUND; width / 2];
    let punch = Punch::new();
    let between = |stream: &mut png::StreamWriter<_>| (0..AIR).try_for_each(|_| stream.write_all(&ground));
    between(&mut stream)?;
    for (number, codes) in strips.iter().enumerate() {
        for y in 0..HEIGHT {
            let mut dots = vec![GROUND; width];
            for (n, dot) in dots[AIR..AIR + codes.len() * STEP].iter_mut().enumerate() {
                *dot = punch.colour(codes[n / STEP], (n % STEP, y), (number, n));
            }
            let packed: Vec<u8> = dots.chunks(2).map(|two| two[0] << 4 | two.get(1).unwrap_or(&GROUND)).collect();
            stream.write_all(&packed)?;
        }
        between(&mut stream)?;
    }
    stream.finish()
}

fn palette() -> Vec<u8> {
    let between = |part: i32| (0..3).map(move |i| (GROUND_COLOUR[i] + (PAPER_COLOUR[i] - GROUND_COLOUR[i]) * part / 100) as u8);
    let steps = i32::from(PAPER);
    let ramp = (0..=steps).map(|step| step * 100 / steps);
    ramp.chain([96, 103, 88]).flat_map(between).collect()
}

/// How much paper is left at each dot of a place on the tape: of every track's hole, and of the feed hole. 0 to 255.
struct Punch {
    tracks: [Vec<u8>; 5],
    feed: Vec<u8>,
}

impl Punch {
    fn new() -> Punch {
        let at = |pitches: i32| (WIDTH - FEED_FROM_EDGE - f64::from(pitches) * PITCH) * f64::from(DPI);
        Punch { tracks: TRACKS.map(|pitches| hole(at(pitches), CODE_HOLE)), feed: hole(at(0), FEED_HOLE) }
    }
    fn colour(&self, code: Code, (x, y): (usize, usize), at: (usize, usize)) -> u8 {
        let dot = y * STEP + x;
        let open = |track: &usize| code.value() >> track & 1 == 1;
        let left = (0..5).filter(open).map(|track| self.tracks[track][dot]).chain([self.feed[dot]]).min().unwrap_or(255);
        if left < 255 {
            return GROUND + (u32::from(left) * u32::from(PAPER) / 255) as u8;
        }
        if y == 0 || y + 1 == HEIGHT {
            return EDGE;
        }
        match mix((at.0 as u64) << 44 ^ (at.1 as u64 / 4) << 20 ^ y as u64) % 120 {
            0 => DULL,
            1 => BRIGHT,
            _ => PAPER,
        }
    }
}

/// A round hole in the middle of a place, its centre `down` dots from the upper edge; each dot is sampled 8 by 8 times.
fn hole(down: f64, diameter: f64) -> Vec<u8> {
    let (across, radius) = (STEP as f64 / 2.0, diameter * f64::from(DPI) / 2.0);
    let left = |x: usize, y: usize| {
        let samples = (0..64).map(|n| (x as f64 + (f64::from(n % 8) + 0.5) / 8.0, y as f64 + (f64::from(n / 8) + 0.5) / 8.0));
        let paper = samples.filter(|(sx, sy)| (sx - across).powi(2) + (sy - down).powi(2) > radius * radius).count();
        (paper * 255 / 64) as u8
    };
    (0..HEIGHT).flat_map(|y| (0..STEP).map(move |x| (x, y))).map(|(x, y)| left(x, y)).collect()
}
