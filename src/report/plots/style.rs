//! How every figure looks. Sizes are in pixels of a figure of 960 x 540.

use std::sync::OnceLock;

use plotters::style::{FontStyle, RGBColor, register_font};

/// Width and height.
pub const SIZE: (u32, u32) = (960, 540);
/// The family that all text is set in. SVG viewers take their own; PNG has the bundled one.
pub const FAMILY: &str = "sans-serif";
/// Okabe and Ito's palette, told apart by colour-blind readers too; without yellow, which print
/// loses.
pub const PALETTE: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x55, 0x55, 0x55),
];
/// Titles and marks.
pub const INK: RGBColor = RGBColor(0x1D, 0x23, 0x2E);
/// Axes and lesser text.
pub const AXIS: RGBColor = RGBColor(0x60, 0x67, 0x75);
/// Grid lines.
pub const GRID: RGBColor = RGBColor(0xE4, 0xE7, 0xEC);

static REGULAR: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSans.ttf");
static BOLD: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSans-Bold.ttf");

/// Makes the bundled font known to the plotting library, once. False if it cannot be read.
pub fn register_fonts() -> bool {
    static DONE: OnceLock<bool> = OnceLock::new();
    *DONE.get_or_init(|| {
        register_font(FAMILY, FontStyle::Normal, REGULAR).is_ok()
            && register_font(FAMILY, FontStyle::Bold, BOLD).is_ok()
    })
}
